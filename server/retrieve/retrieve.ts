import { passageId, type Passage } from '../corpus/passage.ts';
import type { TextEmbedder, TextTokenizer } from '../foundation/encoding.ts';
import { messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import type { RetrieveRequest } from '../protocol/requests.ts';
import { BudgetedChoice, type ScoredPassage } from './choice.ts';
import { bm25Ranker, denseRanker, randomRanker, type Ranker, type SearchedCorpus } from './rankers.ts';
import type { ScoredId } from './ranking.ts';
import type { Arm, SeedSet, SeedText, Selection } from './selection.ts';
import { TracInScorer, type TracInParts } from './tracin-scorer.ts';

export interface RetrievalParts {
  readonly corpus: SearchedCorpus;
  readonly seeds: SeedSet;
  /** The corpus's tokenizer: what the budget is counted in. */
  readonly tokenizer: TextTokenizer;
  readonly embedder: TextEmbedder;
  /** For the tracin arms; null where no dictionary was given. */
  readonly tracin: TracInParts | null;
}

export type RetrievalSettings = Pick<RetrieveRequest, 'arm' | 'tokens' | 'candidates' | 'seed' | 'pinned' | 'struck'>;

/** What the reader decided about single passages. */
interface Verdicts {
  readonly pinned: readonly Passage[];
  /** Ids that the arm has no say in: pinned and struck ones. */
  readonly decided: ReadonlySet<string>;
}

/** A seed of one token marks nothing that could be searched for. */
const MIN_SEED_TOKENS = 2;
const FETCHED_AT_A_TIME = 1000;
const FIRST_LIMIT = 1000;

function countTokens(tokenizer: TextTokenizer, text: string): number {
  return tokenizer.encode(text).special.reduce((count, special) => count + (special === 0 ? 1 : 0), 0);
}

function checkSeeds({ name, seeds }: SeedSet, tokenizer: TextTokenizer): void {
  if (seeds.length === 0)
    throw new UsageError(
      `seed set ${name} is empty; add texts that show the concept: ssae seeds add ${name} FILE[:START-END]`,
    );
  for (const [i, { text }] of seeds.entries()) {
    const tokens = countTokens(tokenizer, text);
    if (tokens < MIN_SEED_TOKENS)
      throw new UsageError(
        `seed ${i + 1} of seed set ${name} has ${tokens} token${tokens === 1 ? '' : 's'} (${JSON.stringify(text)}); mark at least a phrase: a seed needs ${MIN_SEED_TOKENS} tokens`,
      );
  }
}

/** A seed as a passage, for the arm that trains on the seeds themselves. Each is a document of its own: one may be held out. */
function seedPassage({ text, contentHash, from }: SeedText, seedSet: string, tokenizer: TextTokenizer): Passage {
  const source = from?.file ?? `seeds:${seedSet}`;
  const [start, end] = from === null ? [0, text.length] : [from.start, from.end];
  const place = { source, document: `${seedSet}/${contentHash.slice(0, 12)}`, start, end };
  return {
    id: passageId(place, text),
    ...{ text, contentHash, tokens: countTokens(tokenizer, text), fields: {} },
    provenance: { ...place, line: null },
  };
}

/**
 * @param own passages that are not the corpus's: the seeds, for the arm that takes them
 * @throws UsageError for a pinned id that neither has, one that is struck too, or pinned passages beyond the budget
 */
async function verdictsOf(
  { tokens, pinned, struck }: RetrievalSettings,
  corpus: SearchedCorpus,
  own: readonly Passage[],
): Promise<Verdicts> {
  const ids = [...new Set(pinned)];
  const out = new Set(struck);
  const both = ids.find((id) => out.has(id));
  if (both !== undefined) throw new UsageError(`passage ${both} is pinned and struck; take it out of one of the two`);
  const known = new Map(own.map((passage) => [passage.id, passage]));
  const stored = await storedPassages(
    ids.filter((id) => !known.has(id)),
    corpus,
  );
  for (const passage of stored) known.set(passage.id, passage);
  const passages = ids.map((id) => known.get(id)!);
  const sum = passages.reduce((total, passage) => total + passage.tokens, 0);
  if (sum > tokens)
    throw new UsageError(
      `the ${ids.length} pinned passages have ${sum} tokens, more than the budget of ${tokens}; raise the budget or unpin some`,
    );
  return { pinned: passages, decided: new Set([...ids, ...struck]) };
}

async function storedPassages(ids: readonly string[], corpus: SearchedCorpus): Promise<Passage[]> {
  try {
    return await corpus.byIds(ids);
  } catch (error) {
    if (error instanceof WorkError) throw new UsageError(`pinned: ${messageOf(error)}`, { cause: error });
    throw error;
  }
}

/** Pinned passages with the score that the arm gives them; 0 where it ranks them nowhere. */
function scoredPins({ pinned }: Verdicts, ranked: readonly ScoredId[]): ScoredPassage[] {
  const scores = new Map(ranked.map(({ id, score }) => [id, score]));
  return pinned.map((passage) => ({ passage, score: scores.get(passage.id) ?? 0 }));
}

async function offerInOrder(
  choice: BudgetedChoice,
  ranked: readonly ScoredId[],
  corpus: SearchedCorpus,
  control: JobControl,
): Promise<void> {
  for (let first = 0; first < ranked.length && !choice.full; first += FETCHED_AT_A_TIME) {
    throwIfStopped(control);
    const part = ranked.slice(first, first + FETCHED_AT_A_TIME);
    const passages = await corpus.byIds(part.map(({ id }) => id));
    for (const [i, passage] of passages.entries()) choice.offer(passage, part[i]!.score);
  }
}

/** The best passages under a budget. Ranks more of the corpus until the budget is filled or nothing is left to rank. */
async function chooseRanked(
  ranker: Ranker,
  budget: number,
  verdicts: Verdicts,
  { corpus, seeds }: RetrievalParts,
  control: JobControl,
): Promise<BudgetedChoice> {
  const tokensEach = Math.max(1, corpus.summary.tokens / Math.max(1, corpus.summary.passages));
  for (let limit = Math.max(FIRST_LIMIT, Math.ceil((2 * budget) / tokensEach)); ; limit *= 4) {
    throwIfStopped(control);
    control.report({ stage: 'searching', done: 0, total: null, unit: 'passages' });
    const ranking = await ranker.rank(limit);
    const choice = new BudgetedChoice(budget, seeds.seeds, scoredPins(verdicts, ranking.hits));
    const open = ranking.hits.filter(({ id }) => !verdicts.decided.has(id));
    await offerInOrder(choice, open, corpus, control);
    if (choice.full || ranking.complete) return choice;
  }
}

async function rerank(
  candidates: BudgetedChoice,
  budget: number,
  verdicts: Verdicts,
  parts: RetrievalParts,
  tracin: TracInParts,
  control: JobControl,
): Promise<BudgetedChoice> {
  const scorer = await TracInScorer.fromSeeds(parts.seeds.seeds, tracin, control);
  const passages = candidates.hits.map(({ passage }) => passage);
  const byId = new Map(passages.map((passage) => [passage.id, passage]));
  const ranked = await scorer.rank(passages, control);
  const choice = new BudgetedChoice(budget, parts.seeds.seeds, scoredPins(verdicts, ranked));
  for (const { id, score } of ranked) if (!verdicts.decided.has(id)) choice.offer(byId.get(id)!, score);
  return choice;
}

async function rankerOf(
  arm: Exclude<Arm, 'seeds'>,
  { seed }: RetrievalSettings,
  parts: RetrievalParts,
): Promise<Ranker> {
  switch (arm) {
    case 'bm25':
    case 'bm25+tracin':
      return bm25Ranker(parts.corpus, parts.seeds);
    case 'dense':
    case 'dense+tracin':
      return denseRanker(parts.corpus, parts.seeds, parts.embedder);
    case 'random':
      return randomRanker(parts.corpus, seed);
  }
}

interface Chosen {
  readonly choice: BudgetedChoice;
  readonly overlapDropped: number;
}

async function choose(settings: RetrievalSettings, parts: RetrievalParts, control: JobControl): Promise<Chosen> {
  const { arm, tokens } = settings;
  if (arm === 'seeds') {
    const seeds = parts.seeds.seeds.map((seed) => seedPassage(seed, parts.seeds.name, parts.tokenizer));
    const verdicts = await verdictsOf(settings, parts.corpus, seeds);
    const choice = new BudgetedChoice(tokens, [], scoredPins(verdicts, []));
    for (const seed of seeds) if (!verdicts.decided.has(seed.id)) choice.offer(seed, 0);
    return { choice, overlapDropped: choice.overlapDropped };
  }
  const verdicts = await verdictsOf(settings, parts.corpus, []);
  const reranks = arm === 'bm25+tracin' || arm === 'dense+tracin';
  if (reranks && parts.tracin === null)
    throw new UsageError(
      `arm ${arm} needs a dictionary whose gradients it can take: pass --dictionary, for example builtin-gsae`,
    );
  await using ranker = await rankerOf(arm, settings, parts);
  const firstBudget = Math.floor(tokens * (reranks ? settings.candidates : 1));
  const first = await chooseRanked(ranker, firstBudget, verdicts, parts, control);
  if (!reranks || parts.tracin === null) return { choice: first, overlapDropped: first.overlapDropped };
  const choice = await rerank(first, tokens, verdicts, parts, parts.tracin, control);
  return { choice, overlapDropped: first.overlapDropped };
}

function noteOn(choice: BudgetedChoice, { arm, tokens }: RetrievalSettings, corpus: SearchedCorpus): string | null {
  if (choice.full) return null;
  const what = {
    ...{ bm25: `passages of ${corpus.summary.name} that share a word with the seeds hold`, seeds: 'the seeds hold' },
    ...{ dense: `corpus ${corpus.summary.name} holds`, random: `corpus ${corpus.summary.name} holds` },
  }[arm.replace('+tracin', '') as 'bm25' | 'dense' | 'random' | 'seeds'];
  return `took ${choice.tokens} of ${tokens} tokens: ${what} no more that fits`;
}

/**
 * Chooses passages for a seed set under a token budget. The same inputs give the same selection; equal scores are ordered by id.
 *
 * Scores by arm: `bm25` Okapi BM25 of all seeds as one query; `dense` inner product with the seeds' mean vector less the corpus's;
 * `+tracin` mean over tokens of gradient dot products, of candidates worth `candidates` budgets from the first stage; `random` and `seeds` 0.
 * Pinned passages come first, in their order, whatever the arm ranks, and count in the budget; struck ones are never taken.
 * @throws UsageError for an empty seed set, a seed of fewer than two tokens, a tracin arm without a dictionary, or pinned
 *   passages that the corpus lacks, that are struck too, or that exceed the budget
 */
export async function retrieve(
  settings: RetrievalSettings,
  parts: RetrievalParts,
  control: JobControl,
): Promise<Selection> {
  const start = performance.now();
  checkSeeds(parts.seeds, parts.tokenizer);
  const { choice, overlapDropped } = await choose(settings, parts, control);
  return {
    ...{ arm: settings.arm, corpus: parts.corpus.summary.name, seedSet: parts.seeds.name },
    ...{ hits: choice.hits, tokens: choice.tokens, overlapDropped },
    note: noteOn(choice, settings, parts.corpus),
    seconds: (performance.now() - start) / 1000,
  };
}
