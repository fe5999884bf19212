/** Which arrays a SAELens folder holds for a shape, what they are called and how they lie. */
import {
  buildParameters,
  parameterLengths,
  type DictionaryParameters,
  type EngineShape,
  type ParameterName,
} from '../compute/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import { floatToHalf, type SafetensorsFile, type TensorData } from '../foundation/safetensors.ts';
import { transpose } from './canonical.ts';

export type Storage = 'float32' | 'float16';

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
}

function tensorOf(parameter: ParameterName, { dIn, dOut, dSae, architecture }: EngineShape): Tensor {
  const tensors: Readonly<Record<ParameterName, Tensor>> = {
    encoder: { name: 'W_enc', shape: [dIn, dSae] },
    encoderBias: { name: architecture.kind === 'gated' ? 'b_gate' : 'b_enc', shape: [dSae] },
    decoder: { name: 'W_dec', shape: [dSae, dOut] },
    decoderBias: { name: 'b_dec', shape: [dOut] },
    threshold: { name: 'threshold', shape: [dSae] },
    magnitudeScale: { name: 'r_mag', shape: [dSae] },
    magnitudeBias: { name: 'b_mag', shape: [dSae] },
    skip: { name: 'W_skip', shape: [dOut, dIn] },
  };
  return tensors[parameter];
}

/** The container allows no overlap and no unused bytes: https://github.com/huggingface/safetensors#format */
function checkLayout(file: SafetensorsFile): void {
  let end = 0;
  let previous = 'the header';
  for (const [name, entry] of [...file.tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin < end)
      throw new WorkError(`${file.path}: tensors "${previous}" and "${name}" overlap, or a tensor is named twice`);
    if (entry.begin > end)
      throw new WorkError(
        `${file.path}: ${entry.begin - end} bytes before tensor "${name}" belong to no tensor, or a tensor is named twice`,
      );
    end = entry.end;
    previous = name;
  }
}

function checkTensor(file: SafetensorsFile, { name, shape: expected }: Tensor): void {
  const { shape, dtype } = file.entry(name);
  if (!['F32', 'F16', 'BF16', 'F64'].includes(dtype))
    throw new WorkError(`${file.path}: tensor "${name}" has dtype ${dtype}; expected F32, F16, BF16 or F64`);
  if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) return;
  const transposed = shape.length === 2 && shape[0] === expected[1] && shape[1] === expected[0];
  throw new WorkError(
    `${file.path}: tensor "${name}" is [${shape.join(', ')}], expected [${expected.join(', ')}] by d_in and d_sae of cfg.json` +
      (transposed ? '; it looks transposed' : ''),
  );
}

async function readFinite(file: SafetensorsFile, name: string): Promise<Float32Array<ArrayBuffer>> {
  const values = await file.float32(name);
  const damaged = values.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  if (damaged > 0)
    throw new WorkError(
      `${file.path}: tensor "${name}" holds ${damaged} NaN or infinite value${damaged === 1 ? '' : 's'}; the dictionary is damaged`,
    );
  return values;
}

/** BatchTopK's threshold in an unfinished checkpoint: one number for all features. */
const CHECKPOINT_THRESHOLD: Tensor = { name: 'topk_threshold', shape: [] };

/**
 * The arrays of a shape.
 * @param unfinished whether the file is a checkpoint of a batchtopk run, whose threshold is a scalar
 * @throws WorkError naming the tensor that is missing, unexpected, damaged or of another size
 */
export async function readTensors(
  file: SafetensorsFile,
  shape: EngineShape,
  unfinished: boolean,
): Promise<DictionaryParameters> {
  checkLayout(file);
  const tensorFor = (parameter: ParameterName): Tensor =>
    parameter === 'threshold' && unfinished ? CHECKPOINT_THRESHOLD : tensorOf(parameter, shape);
  const tensors = parameterLengths(shape).map(([parameter]) => tensorFor(parameter));
  const known = new Set([...tensors.map(({ name }) => name), 'scaling_factor']);
  const strange = [...file.tensors.keys()].filter((name) => !known.has(name));
  if (strange.length > 0)
    throw new WorkError(`${file.path} holds unexpected tensors: ${strange.slice(0, 10).join(', ')}`);
  for (const tensor of tensors) checkTensor(file, tensor);
  const arrays = new Map<ParameterName, Float32Array>();
  for (const [parameter] of parameterLengths(shape)) {
    const values = await readFinite(file, tensorFor(parameter).name);
    arrays.set(parameter, canonical(parameter, values, shape));
  }
  return buildParameters(shape, (name) => arrays.get(name)!);
}

/**
 * Ours is the same function without a special case: relu(pre) · (pre > θ) of a negative θ is that of 0.
 * @param values as in the file
 */
function canonical(
  parameter: ParameterName,
  values: Float32Array<ArrayBuffer>,
  { dIn, dSae }: EngineShape,
): Float32Array<ArrayBuffer> {
  if (parameter === 'encoder') return transpose(values, dIn, dSae);
  if (parameter !== 'threshold') return values;
  const all = values.length === 1 ? new Float32Array(dSae).fill(values[0]!) : values;
  return all.map((threshold) => Math.max(threshold, 0));
}

function stored(values: Float32Array, shape: readonly number[], storage: Storage): TensorData {
  if (storage === 'float32') return { dtype: 'F32', shape, data: values };
  const data = Uint16Array.from(values, floatToHalf);
  if (data.some((bits) => (bits & 0x7c00) === 0x7c00))
    throw new WorkError('a weight is too large for float16 (over 65,504); use --storage float32');
  return { dtype: 'F16', shape, data };
}

/** @throws WorkError when a value is too large for the storage */
export function tensorsOf(
  shape: EngineShape,
  parameters: DictionaryParameters,
  storage: Storage,
): Record<string, TensorData> {
  const { dIn, dSae } = shape;
  return Object.fromEntries(
    parameterLengths(shape).map(([parameter]) => {
      const tensor = tensorOf(parameter, shape);
      const values = parameters[parameter]!;
      const laid = parameter === 'encoder' ? transpose(values, dSae, dIn) : values;
      return [tensor.name, stored(laid, tensor.shape, storage)];
    }),
  );
}
