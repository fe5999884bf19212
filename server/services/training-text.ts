import { stat } from 'node:fs/promises';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import { documentKey, type Passage } from '../corpus/passage.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { HarvestSequence, HarvestSource } from '../model/activation-cache.ts';
import { sequencesOfText } from '../model/sequences.ts';
import type { TrainingData } from '../protocol/requests.ts';
import { openActivationFile, openTranscoderFile } from '../train/activation-file.ts';
import { openActivationShards } from '../train/activation-shards.ts';
import type { DictionaryOrigin } from '../sae/dictionary.ts';
import { passageText, type PassageText } from './passage-text.ts';
import type { Resources } from './resources.ts';

/** What a trainer reads, and where it is from. */
export interface TrainingActivations {
  readonly data: ActivationFolder;
  readonly origin: DictionaryOrigin;
}

/** What is known of activations before a model computes them. */
export interface ExpectedActivations {
  readonly dIn: number;
  readonly targets?: { readonly dIn: number };
  /** By the corpus's tokenizer. */
  readonly tokens: number;
}

const PASSAGES_AT_A_TIME = 2000;

export function* sequencesOfPassage(passage: Passage, model: LanguageModel): Generator<HarvestSequence> {
  const key = documentKey(passage.provenance);
  for (const sequence of sequencesOfText(model.encode(passage.text), model.description.contextLength))
    yield { key, ...sequence };
}

/** A text as sequences of one model. */
function sourceOf(text: PassageText, model: LanguageModel): HarvestSource {
  return {
    contentHash: text.contentHash,
    tokens: text.tokens,
    async *sequences() {
      for (let first = 0; first < text.lengths.length; first += PASSAGES_AT_A_TIME)
        for (const passage of await text.passages(first, first + PASSAGES_AT_A_TIME))
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

/** A file that names nothing but numbers, or a folder of shards that knows what it is of. */
async function givenActivations(
  given: Extract<TrainingData, { kind: 'activations' }>,
  transcodes: boolean,
): Promise<TrainingActivations> {
  const { file, targets, hookPoint } = given;
  if ((await stat(file).catch(() => null))?.isDirectory() !== true) {
    const origin = { model: null, modelHash: null, hookPoint, contextLength: null };
    return { data: await (transcodes ? openTranscoderFile(file, targets) : openFile(given)), origin };
  }
  if (transcodes || targets !== null)
    throw new UsageError(
      `--activations is "${file}", a folder of shards, which hold no targets of a transcoder; expected a file with "targets", or --corpus`,
    );
  const { data, harvest } = await openActivationShards(file);
  if (hookPoint !== null && hookPoint !== harvest.hookPoint)
    throw new UsageError(`--hook is ${hookPoint}, but the activations in ${file} are of ${harvest.hookPoint}`);
  const { name, contentHash } = harvest.model;
  const { contextLength } = harvest.window;
  return { data, origin: { model: name, modelHash: contentHash, hookPoint: harvest.hookPoint, contextLength } };
}

/**
 * The activations a training request names: read from a file, or harvested from the model (the cache's where it has them).
 * @param transcodes whether targets are read beside them
 * @param tokens wanted of a corpus, held-out ones included; null for all
 * @param refuse throws where what is expected cannot be trained on, before anything is harvested
 */
export async function trainingActivations(
  given: TrainingData,
  transcodes: boolean,
  tokens: number | null,
  seed: number,
  resources: Resources,
  control: JobControl,
  refuse: (expected: ExpectedActivations) => void,
): Promise<TrainingActivations> {
  if (given.kind === 'activations') return givenActivations(given, transcodes);
  const model = await resources.model(given.model);
  const { name, contentHash, contextLength, dModel: dIn } = model.description;
  const text = await passageText(given, tokens, seed, resources);
  refuse({ dIn, tokens: text.tokens, ...(given.targetHookPoint === null ? {} : { targets: { dIn } }) });
  const source = sourceOf(text, model);
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
