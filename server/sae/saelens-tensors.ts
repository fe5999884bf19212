/** Which arrays a SAELens folder holds for a shape, what they are called and how they lie. */
import {
  buildParameters,
  parameterLengths,
  type DictionaryParameters,
  type EngineShape,
  type ParameterName,
} from '../compute/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import { toHalves, type Dtype, type SafetensorsFile } from '../foundation/safetensors.ts';
import { placeTransposed, transposedRows } from './canonical.ts';

export type Storage = 'float32' | 'float16';

/** Of a matrix, what is held at once on its way to or from a file. */
const PIECE_BYTES = 64 * 2 ** 20;

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

/** Rows that are held at once: at least one. */
function rowsAtOnce(columns: number): number {
  return Math.max(1, Math.floor(PIECE_BYTES / (4 * columns)));
}

function refuseDamaged(file: SafetensorsFile, name: string, damaged: number): void {
  if (damaged > 0)
    throw new WorkError(
      `${file.path}: tensor "${name}" holds ${damaged} NaN or infinite value${damaged === 1 ? '' : 's'}; the dictionary is damaged`,
    );
}

const countDamaged = (values: Float32Array): number =>
  values.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);

/** W_enc [d_in, d_sae] as it is here: [d_sae, d_in]. */
async function readEncoder(file: SafetensorsFile, name: string, { dIn, dSae }: EngineShape): Promise<Float32Array> {
  const encoder = new Float32Array(dSae * dIn);
  let damaged = 0;
  for (let first = 0; first < dIn; first += rowsAtOnce(dSae)) {
    const count = Math.min(rowsAtOnce(dSae), dIn - first);
    const piece = await file.float32(name, first * dSae, count * dSae);
    damaged += countDamaged(piece);
    placeTransposed(piece, first, encoder, dIn);
  }
  refuseDamaged(file, name, damaged);
  return encoder;
}

async function readFinite(file: SafetensorsFile, name: string): Promise<Float32Array<ArrayBuffer>> {
  const values = await file.float32(name);
  refuseDamaged(file, name, countDamaged(values));
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
    const { name } = tensorFor(parameter);
    if (parameter === 'encoder') arrays.set(parameter, await readEncoder(file, name, shape));
    else arrays.set(parameter, canonical(parameter, await readFinite(file, name), shape));
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
  { dSae }: EngineShape,
): Float32Array<ArrayBuffer> {
  if (parameter !== 'threshold') return values;
  const all = values.length === 1 ? new Float32Array(dSae).fill(values[0]!) : values;
  return all.map((threshold) => Math.max(threshold, 0));
}

/** The tensors of a folder, in the order in which {@link tensorPieces} gives them. */
export function tensorLayout(
  shape: EngineShape,
  storage: Storage,
): Map<string, { readonly dtype: Dtype; readonly shape: readonly number[] }> {
  const dtype = storage === 'float32' ? 'F32' : 'F16';
  return new Map(
    parameterLengths(shape).map(([parameter]) => {
      const tensor = tensorOf(parameter, shape);
      return [tensor.name, { dtype, shape: tensor.shape }];
    }),
  );
}

function stored(values: Float32Array, storage: Storage): NodeJS.TypedArray {
  if (storage === 'float32') return values;
  const halves = toHalves(values);
  if (halves.some((bits) => (bits & 0x7c00) === 0x7c00))
    throw new WorkError('a weight is too large for float16 (over 65,504); use --storage float32');
  return halves;
}

/**
 * Parameters as a folder holds them, piece by piece, so that no second copy of them is needed.
 * @throws WorkError when a value is too large for the storage
 */
export function* tensorPieces(
  shape: EngineShape,
  parameters: DictionaryParameters,
  storage: Storage,
): Generator<NodeJS.TypedArray> {
  const { dIn, dSae } = shape;
  for (const [parameter] of parameterLengths(shape)) {
    const values = parameters[parameter]!;
    if (parameter === 'encoder')
      for (let first = 0; first < dIn; first += rowsAtOnce(dSae))
        yield stored(transposedRows(values, dSae, first, Math.min(rowsAtOnce(dSae), dIn - first)), storage);
    else
      for (let first = 0; first < values.length; first += PIECE_BYTES / 4)
        yield stored(values.subarray(first, first + PIECE_BYTES / 4), storage);
  }
}
