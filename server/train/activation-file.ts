import { stat } from 'node:fs/promises';
import { UsageError, WorkError } from '../foundation/errors.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { sha256OfFile } from '../foundation/hash.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import type { Dictionary } from '../sae/dictionary.ts';

/**
 * A file that someone else wrote, as the trainer reads it: a safetensors file with `activations` [n, d_in], a floating-point type.
 * @throws UsageError when there is no such file, WorkError when it holds something else.
 */
export async function openActivationFile(path: string): Promise<ActivationFolder> {
  if ((await stat(path).catch(() => null))?.isFile() !== true)
    throw new UsageError(
      `the activations are "${path}", which is no file; expected a safetensors file, or to train on a folder of harvested shards`,
    );
  await using file = await SafetensorsFile.open(path);
  const { shape, dtype } = file.entry('activations');
  const [rows, dIn] = shape;
  if (shape.length !== 2 || rows === undefined || dIn === undefined || rows < 1 || dIn < 1)
    throw new WorkError(`${path}: tensor "activations" has shape [${shape.join(', ')}]; expected [n, d_in]`);
  if (!['F32', 'F16', 'BF16', 'F64'].includes(dtype))
    throw new WorkError(`${path}: tensor "activations" is ${dtype}; expected a floating-point type, F32 best`);
  return { dIn, rows, contentHash: await sha256OfFile(path), shards: [{ path, rows, sequences: [] }] };
}

/** @throws UsageError when a dictionary cannot take these activations, naming both widths */
export function refuseOtherWidth({ name, shape }: Dictionary, data: ActivationFolder): void {
  if (shape.dIn !== data.dIn)
    throw new UsageError(
      `the dictionary "${name}" is for activations of width ${shape.dIn}, these have width ${data.dIn}; use the model and hook point it was trained on`,
    );
}
