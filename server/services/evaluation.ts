import { UsageError } from '../foundation/errors.ts';
import { splitHash } from '../foundation/hash.ts';
import type { JobControl } from '../foundation/progress.ts';
import { Random } from '../foundation/random.ts';
import type { Corpus } from '../corpus/corpus.ts';
import type { Passage } from '../corpus/passage.ts';
import { evaluateDictionary, type Evaluation } from '../evaluate/evaluate.ts';
import type { EvaluateRequest } from '../protocol/requests.ts';
import { holdOut, type HeldOut } from '../retrieve/held-out.ts';
import type { Resources } from './resources.ts';

/** Passages drawn beyond the wanted tokens, so that enough are left when those that overlap are gone. */
const SPARE = 1.5;

async function drawPassages(corpus: Corpus, { where, tokens, seed }: EvaluateRequest): Promise<Passage[]> {
  const random = new Random(seed);
  if (Object.keys(where).length === 0) {
    const { ids, tokens: lengths } = await corpus.index();
    const chosen: string[] = [];
    let sum = 0;
    for (const place of random.shuffle(Uint32Array.from(ids.keys()))) {
      if (sum >= tokens * SPARE) break;
      chosen.push(ids[place]!);
      sum += lengths[place]!;
    }
    return corpus.byIds(chosen);
  }
  const matching: Passage[] = [];
  for await (const passage of corpus.passages({ where })) matching.push(passage);
  return [...random.shuffle(Uint32Array.from(matching.keys()))].map((place) => matching[place]!);
}

/** Passages of the corpus that no seed and no selection repeats, up to the wanted tokens. */
export async function heldOutPassages(request: EvaluateRequest, resources: Resources): Promise<HeldOut<Passage>> {
  const corpus = await (await resources.corpora()).corpus(request.corpus);
  const drawn = await drawPassages(corpus, request);
  const seeds = await Promise.all(request.exclude.seeds.map((name) => resources.seeds.show(name)));
  const selections = await Promise.all(request.exclude.selections.map((name) => resources.selections.load(name)));
  const seen = [
    ...seeds.flatMap((set) => set.seeds),
    ...selections.flatMap(({ hits }) => hits.map(({ passage }) => passage)),
  ];
  const within: Passage[] = [];
  const { kept, dropped } = holdOut(drawn, seen);
  let sum = 0;
  for (const passage of kept) {
    if (sum >= request.tokens) break;
    within.push(passage);
    sum += passage.tokens;
  }
  if (within.length === 0)
    throw new UsageError(
      `corpus ${request.corpus} has no passage to evaluate on: ${drawn.length} match, ${dropped} of them overlap the seeds or selections`,
    );
  return { kept: within, dropped, splitHash: splitHash(within.map(({ contentHash }) => contentHash)) };
}

export async function evaluate(
  request: EvaluateRequest,
  resources: Resources,
  control: JobControl,
): Promise<Evaluation> {
  const inspectable = await resources.inspectable(request.dictionary);
  const baseline = request.baseline === null ? null : await resources.inspectable(request.baseline);
  if (
    baseline !== null &&
    (baseline.hookPoint !== inspectable.hookPoint ||
      baseline.model.description.contentHash !== inspectable.model.description.contentHash)
  )
    throw new UsageError(
      `--baseline ${request.baseline!} reads ${baseline.hookPoint} of ${baseline.model.description.name}, dictionary ${request.dictionary} reads ${inspectable.hookPoint} of ${inspectable.model.description.name}: they cannot be compared`,
    );
  const { kept, dropped, splitHash } = await heldOutPassages(request, resources);
  return evaluateDictionary(
    {
      ...{ passages: kept, splitHash, overlapDropped: dropped, seed: request.seed },
      ...{ model: inspectable.model, hookPoint: inspectable.hookPoint, dictionary: inspectable, baseline },
    },
    control,
  );
}
