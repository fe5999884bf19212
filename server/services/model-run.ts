import { UsageError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import { SafetensorsFile, writeSafetensors, type TensorData } from '../foundation/safetensors.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { RunModelRequest } from '../protocol/requests.ts';
import type { RunModelResult } from '../protocol/results.ts';

async function readPatch(
  { hookPoint, file }: RunModelRequest['patches'][number],
  model: LanguageModel,
  tokens: number,
): Promise<{ hookPoint: string; activations: Float32Array[] }> {
  await using tensors = await SafetensorsFile.open(file);
  const { shape } = tensors.entry('activations');
  const { dModel } = model.description;
  if (shape.length !== 2 || shape[0] !== tokens || shape[1] !== dModel)
    throw new UsageError(
      `--patch ${hookPoint}=${file}: tensor "activations" has shape [${shape.join(', ')}]; expected [${tokens}, ${dModel}]`,
    );
  return { hookPoint, activations: [await tensors.float32('activations')] };
}

/** Activations at hook points [tokens, d_model] and logits [tokens, vocabulary] of one text, as one safetensors file. */
export async function runModel(
  { input, hookPoints, patches, output }: RunModelRequest,
  model: LanguageModel,
  control: JobControl,
): Promise<RunModelResult> {
  const ids = input.kind === 'ids' ? Int32Array.from(input.ids) : model.encode(input.text).ids;
  if (patches.length > 1)
    throw new UsageError(
      `--patch was given ${patches.length} times; one hook point can be replaced at a time, as a later one would overwrite what the first changed`,
    );
  const patch = patches[0] === undefined ? undefined : await readPatch(patches[0], model, ids.length);
  const { dModel, vocabulary, name } = model.description;
  const tensors: Record<string, TensorData> = {};
  for (const hookPoint of hookPoints) {
    const [data] = await model.activations(hookPoint, [ids], control.signal);
    tensors[hookPoint] = { dtype: 'F32', shape: [ids.length, dModel], data: data! };
  }
  const [logits] = await model.logits([ids], patch, control.signal);
  tensors['logits'] = { dtype: 'F32', shape: [ids.length, vocabulary], data: logits! };
  await writeSafetensors(output, tensors);
  return {
    ...{ model: name, output, tokens: ids.length },
    tensors: Object.fromEntries(Object.entries(tensors).map(([key, { shape }]) => [key, shape])),
  };
}
