import { stat } from 'node:fs/promises';
import { UsageError, WorkError } from '../foundation/errors.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { sha256OfFile } from '../foundation/hash.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import type { Dictionary } from '../sae/dictionary.ts';

/** Rows [n, width] of a floating-point type. @throws WorkError when the tensor is something else */
function rowsOf(file: SafetensorsFile, tensor: string): { readonly rows: number; readonly width: number } {
  const { shape, dtype } = file.entry(tensor);
  const [rows, width] = shape;
  if (shape.length !== 2 || rows === undefined || width === undefined || rows < 1 || width < 1)
    throw new WorkError(`${file.path}: tensor "${tensor}" has shape [${shape.join(', ')}]; expected [n, d_in]`);
  if (!['F32', 'F16', 'BF16', 'F64'].includes(dtype))
    throw new WorkError(`${file.path}: tensor "${tensor}" is ${dtype}; expected a floating-point type, F32 best`);
  return { rows, width };
}

async function openFile(path: string, what: string): Promise<SafetensorsFile> {
  if ((await stat(path).catch(() => null))?.isFile() !== true)
    throw new UsageError(`the ${what} are "${path}", which is no file; expected a safetensors file`);
  return SafetensorsFile.open(path);
}

/**
 * A file that someone else wrote, as the trainer reads it: a safetensors file with `activations` [n, d_in], a floating-point type.
 * @throws UsageError when there is no such file, WorkError when it holds something else.
 */
export async function openActivationFile(path: string): Promise<ActivationFolder> {
  await using file = await openFile(path, 'activations');
  const { rows, width: dIn } = rowsOf(file, 'activations');
  return { dIn, rows, contentHash: await sha256OfFile(path), shards: [{ path, rows, sequences: [] }] };
}

/**
 * A transcoder's file: `activations` [n, d_in] with `targets` [n, d_out] beside them, or in another file (there `activations` will do
 * for a name).
 * @throws as {@link openActivationFile}
 */
export async function openTranscoderFile(path: string, targetPath: string | null): Promise<ActivationFolder> {
  const data = await openActivationFile(path);
  const from = targetPath ?? path;
  await using file = await openFile(from, 'targets');
  const tensor = targetPath === null || file.tensors.has('targets') ? 'targets' : 'activations';
  const { rows, width } = rowsOf(file, tensor);
  if (rows !== data.rows)
    throw new WorkError(`${from}: tensor "${tensor}" has ${rows} rows, the activations have ${data.rows}`);
  const contentHash = targetPath === null ? data.contentHash : await sha256OfFile(from);
  const targets = { dIn: width, rows, contentHash, shards: [{ path: from, rows, sequences: [] }], tensor };
  return { ...data, targets };
}

/** @throws UsageError when a dictionary cannot take these activations, naming both widths */
export function refuseOtherWidth({ name, shape }: Dictionary, data: ActivationFolder): void {
  if (shape.dIn !== data.dIn)
    throw new UsageError(
      `the dictionary "${name}" is for activations of width ${shape.dIn}, these have width ${data.dIn}; use the model and hook point it was trained on`,
    );
  if (data.targets !== undefined && shape.dOut !== data.targets.dIn)
    throw new UsageError(
      `the transcoder "${name}" is for targets of width ${shape.dOut}, these have width ${data.targets.dIn}; use the hook point it was trained on`,
    );
}
