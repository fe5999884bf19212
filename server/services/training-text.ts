import { stat } from 'node:fs/promises';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { UsageError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import { documentKey, type Passage } from '../corpus/passage.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { HarvestSequence, HarvestSource } from '../model/activation-cache.ts';
import { sequencesOfText } from '../model/sequences.ts';
import type { TrainingData } from '../protocol/requests.ts';
import { openActivationFile } from '../train/activation-file.ts';
import { openActivationShards } from '../train/activation-shards.ts';
import type { DictionaryOrigin } from '../sae/dictionary.ts';
import { passageText, type PassageText } from './passage-text.ts';
import type { Resources } from './resources.ts';

/** What a trainer reads, and where it is from. */
export interface TrainingActivations {
  readonly data: ActivationFolder;
  readonly origin: DictionaryOrigin;
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

/** A file that names nothing but numbers, or a folder of shards that knows what it is of. */
async function givenActivations({
  file,
  hookPoint,
}: Extract<TrainingData, { kind: 'activations' }>): Promise<TrainingActivations> {
  if ((await stat(file).catch(() => null))?.isDirectory() !== true) {
    const origin = { model: null, modelHash: null, hookPoint, contextLength: null };
    return { data: await openActivationFile(file), origin };
  }
  const { data, harvest } = await openActivationShards(file);
  if (hookPoint !== null && hookPoint !== harvest.hookPoint)
    throw new UsageError(`--hook is ${hookPoint}, but the activations in ${file} are of ${harvest.hookPoint}`);
  const { name, contentHash } = harvest.model;
  const { contextLength } = harvest.window;
  return { data, origin: { model: name, modelHash: contentHash, hookPoint: harvest.hookPoint, contextLength } };
}

/**
 * The activations a training request names: read from a file, or harvested from the model (the cache's where it has them).
 * @param tokens wanted of a corpus, held-out ones included; null for all
 */
export async function trainingActivations(
  given: TrainingData,
  tokens: number | null,
  seed: number,
  resources: Resources,
  control: JobControl,
): Promise<TrainingActivations> {
  if (given.kind === 'activations') return givenActivations(given);
  const model = await resources.model(given.model);
  const { name, contentHash, contextLength } = model.description;
  const source = sourceOf(await passageText(given, tokens, seed, resources), model);
  return {
    data: await resources.activations.harvest(model, given.hookPoint, source, control),
    origin: { model: name, modelHash: contentHash, hookPoint: given.hookPoint, contextLength },
  };
}
