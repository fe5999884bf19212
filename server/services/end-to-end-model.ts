/** The model whose predictions a run keeps, found before anything is harvested where the request names it. */
import { stat } from 'node:fs/promises';
import { UsageError } from '../foundation/errors.ts';
import type { FinetuneRequest, TrainRequest } from '../protocol/requests.ts';
import type { DictionaryOrigin } from '../sae/dictionary.ts';
import { ModelTail } from '../train/model-tail.ts';
import type { Resources } from './resources.ts';

type Request = TrainRequest | FinetuneRequest;

/**
 * Of a request on text; null where none is asked for or the activations are given.
 * @throws UsageError when a file of activations is given, which names no model; as {@link ModelTail.open}
 */
export async function namedTail({ divergence, data }: Request, resources: Resources): Promise<ModelTail | null> {
  if (divergence === undefined) return null;
  if (data.kind !== 'activations') return ModelTail.open(await resources.model(data.model), data.hookPoint);
  if ((await stat(data.file).catch(() => null))?.isDirectory() === true) return null;
  throw new UsageError(
    `--kl is ${divergence.coefficient}, and --activations is the file "${data.file}", which names no model and no passages; expected a folder that ssae harvest filled, --corpus or --selection`,
  );
}

/**
 * Of a folder of harvested shards.
 * @throws UsageError when its model is not here, or is another than it was; as {@link ModelTail.open}
 */
export async function harvestedTail(
  { divergence }: Request,
  { model: name, modelHash, hookPoint }: DictionaryOrigin,
  resources: Resources,
): Promise<ModelTail | null> {
  if (divergence === undefined || name === null || hookPoint === null) return null;
  if (!(await resources.models.has(name)))
    throw new UsageError(
      `--kl needs the model ${name} that was harvested, which is not here; add it with: ssae model add`,
    );
  const model = await resources.model(name);
  const { contentHash } = model.description;
  if (modelHash !== null && contentHash !== modelHash)
    throw new UsageError(
      `--kl needs the model that was harvested: ${name} is another one now (content ${contentHash.slice(0, 12)}; the harvest is of ${modelHash.slice(0, 12)})`,
    );
  return ModelTail.open(model, hookPoint);
}
