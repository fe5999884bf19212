import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import type { JobControl } from '../foundation/progress.ts';
import { Random } from '../foundation/random.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { documentKey, type Passage } from '../corpus/passage.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { HarvestSequence, HarvestSource } from '../model/activation-cache.ts';
import { sequencesOfText } from '../model/sequences.ts';
import type { TrainingData } from '../protocol/requests.ts';
import { openActivationFile, openTranscoderFile } from '../train/activation-file.ts';
import type { DictionaryOrigin } from '../sae/dictionary.ts';
import type { Resources } from './resources.ts';

/** What a trainer reads, and where it is from. */
export interface TrainingActivations {
  readonly data: ActivationFolder;
  readonly origin: DictionaryOrigin;
}

const PASSAGES_AT_A_TIME = 2000;

function* sequencesOfPassage(passage: Passage, model: LanguageModel): Generator<HarvestSequence> {
  const key = documentKey(passage.provenance);
  for (const sequence of sequencesOfText(model.encode(passage.text), model.description.contextLength))
    yield { key, ...sequence };
}

/** All sequences of passages that are in memory. */
export function sourceOfPassages(passages: readonly Passage[], model: LanguageModel): HarvestSource {
  return {
    contentHash: sha256(
      passages.map((passage) => `${documentKey(passage.provenance)}\n${passage.contentHash}`).join('\n'),
    ),
    tokens: passages.reduce((sum, { tokens }) => sum + tokens, 0),
    *sequences() {
      for (const passage of passages) yield* sequencesOfPassage(passage, model);
    },
  };
}

/** Passages drawn at random until they hold `tokens` tokens (all where the corpus has no more), read in a shuffled order. */
export async function sourceOfCorpus(
  corpus: Corpus,
  model: LanguageModel,
  tokens: number | null,
  seed: number,
): Promise<HarvestSource> {
  const { ids, tokens: lengths } = await corpus.index();
  if (ids.length === 0) throw new UsageError(`corpus ${corpus.summary.name} is empty; add text to it first`);
  const order = new Random(seed).shuffle(Uint32Array.from(ids.keys()));
  const chosen: string[] = [];
  let sum = 0;
  for (const place of order) {
    if (tokens !== null && sum >= tokens) break;
    chosen.push(ids[place]!);
    sum += lengths[place]!;
  }
  return {
    contentHash: sha256(corpus.summary.contentHash, '\n', chosen.join('\n')),
    tokens: sum,
    async *sequences() {
      for (let first = 0; first < chosen.length; first += PASSAGES_AT_A_TIME)
        for (const passage of await corpus.byIds(chosen.slice(first, first + PASSAGES_AT_A_TIME)))
          yield* sequencesOfPassage(passage, model);
    },
  };
}

/** @throws UsageError when targets are named for what has none */
function openFile({ file, targets }: Extract<TrainingData, { kind: 'activations' }>): Promise<ActivationFolder> {
  if (targets !== null)
    throw new UsageError(`--targets is "${targets}", but only a transcoder reconstructs anything but its input`);
  return openActivationFile(file);
}

/**
 * The activations a training request names: read from a file, or harvested from the model (the cache's where it has them).
 * @param transcodes whether targets are read beside them
 * @param tokens wanted of a corpus, held-out ones included; null for all
 */
export async function trainingActivations(
  given: TrainingData,
  transcodes: boolean,
  tokens: number | null,
  seed: number,
  resources: Resources,
  control: JobControl,
): Promise<TrainingActivations> {
  if (given.kind === 'activations') {
    const origin = { model: null, modelHash: null, hookPoint: given.hookPoint, contextLength: null };
    return { data: await (transcodes ? openTranscoderFile(given.file, given.targets) : openFile(given)), origin };
  }
  const model = await resources.model(given.model);
  const { name, contentHash, contextLength } = model.description;
  const source =
    given.kind === 'selection'
      ? sourceOfPassages(
          (await resources.selections.load(given.selection)).hits.map(({ passage }) => passage),
          model,
        )
      : await sourceOfCorpus(await (await resources.corpora()).corpus(given.corpus), model, tokens, seed);
  const harvest = (hookPoint: string): Promise<ActivationFolder> =>
    resources.activations.harvest(model, hookPoint, source, control);
  const data = await harvest(given.hookPoint);
  const targets = given.targetHookPoint === null ? null : await harvest(given.targetHookPoint);
  if (targets !== null && targets.rows !== data.rows)
    throw new WorkError(
      `${given.hookPoint} gave ${data.rows} rows and ${String(given.targetHookPoint)} ${targets.rows}; run ssae cache clear and harvest again`,
    );
  return {
    data: targets === null ? data : { ...data, targets },
    origin: { model: name, modelHash: contentHash, hookPoint: given.hookPoint, contextLength },
  };
}
