/** A SAELens folder, `cfg.json` + `sae_weights.safetensors`, read into the canonical form and written from it. */
import { join } from 'node:path';
import type { DictionaryParameters, EngineShape } from '../compute/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { productVersion } from '../foundation/package-root.ts';
import {
  floatToHalf,
  halfToFloat,
  SafetensorsFile,
  writeSafetensors,
  type TensorData,
} from '../foundation/safetensors.ts';
import { foldDecoderNorms, foldInputScale, rowNorms, transpose } from './canonical.ts';
import type { Dictionary } from './dictionary.ts';
import { readFields, readSaeLensConfig, type SaeLensConfig } from './saelens-config.ts';

/** The release whose folders these are: it loads them without conversion (see `saelens.test.ts`). */
const SAELENS_VERSION = '6.54.12';
const WEIGHTS = 'sae_weights.safetensors';
/** Rows this near to norm 1 were kept there in training; float16 storage moves a norm by at most 5e-4. */
const UNIT_NORM_TOLERANCE = 1e-3;

export type Storage = 'float32' | 'float16';

/** What the folder says, before it has a name. */
export type SaeLensDictionary = Pick<Dictionary, 'shape' | 'parameters' | 'sparsityCoefficient' | 'origin'>;

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

function checkTensors(file: SafetensorsFile, { dIn, dSae }: SaeLensConfig): void {
  checkLayout(file);
  const shapes: Readonly<Record<string, readonly number[]>> = {
    W_enc: [dIn, dSae],
    b_enc: [dSae],
    W_dec: [dSae, dIn],
    b_dec: [dIn],
  };
  const strange = [...file.tensors.keys()].filter((name) => !Object.hasOwn(shapes, name) && name !== 'scaling_factor');
  if (strange.length > 0)
    throw new WorkError(`${file.path} holds unexpected tensors: ${strange.slice(0, 10).join(', ')}`);
  for (const [name, expected] of Object.entries(shapes)) {
    const { shape, dtype } = file.entry(name);
    if (!['F32', 'F16', 'BF16', 'F64'].includes(dtype))
      throw new WorkError(`${file.path}: tensor "${name}" has dtype ${dtype}; expected F32, F16, BF16 or F64`);
    if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) continue;
    const transposed = shape.length === 2 && shape[0] === expected[1] && shape[1] === expected[0];
    throw new WorkError(
      `${file.path}: tensor "${name}" is [${shape.join(', ')}], expected [${expected.join(', ')}] by d_in and d_sae of cfg.json` +
        (transposed ? '; it looks transposed' : ''),
    );
  }
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

async function readParameters(folder: string, config: SaeLensConfig): Promise<DictionaryParameters> {
  await using file = await SafetensorsFile.open(join(folder, WEIGHTS));
  checkTensors(file, config);
  if (file.tensors.has('scaling_factor') && (await file.float32('scaling_factor')).some((factor) => factor !== 1))
    throw new WorkError(
      `${file.path}: a scaling_factor other than 1 is not supported (SAELens 6 refuses it too); export the dictionary without it`,
    );
  return {
    encoder: transpose(await readFinite(file, 'W_enc'), config.dIn, config.dSae),
    encoderBias: await readFinite(file, 'b_enc'),
    decoder: await readFinite(file, 'W_dec'),
    decoderBias: await readFinite(file, 'b_dec'),
  };
}

/** The factor an unfinished SAELens run multiplies activations by. */
async function readScalingFactor(folder: string): Promise<number> {
  const path = join(folder, 'activation_scaler.json');
  const fields = await readFields(path).catch((error: unknown) => {
    throw new WorkError(
      `${folder} is an unfinished checkpoint (normalize_activations is expected_average_only_in) and its factor cannot be read from activation_scaler.json; export the finished dictionary`,
      { cause: error },
    );
  });
  const factor = Object.hasOwn(fields, 'scaling_factor') ? fields['scaling_factor'] : undefined;
  if (typeof factor !== 'number' || !(factor > 0))
    throw new WorkError(`${path}: scaling_factor is ${JSON.stringify(factor)}; a positive number was expected`);
  return factor;
}

/**
 * Reads a folder of SAELens 6, or the flat form of versions 2 to 5: standard (relu) and topk. `rescale_acts_by_decoder_norm` and
 * `expected_average_only_in` are folded, so that features have the values SAELens reports.
 * @throws WorkError naming the file and the value that is damaged or not supported.
 */
export async function readSaeLens(folder: string): Promise<SaeLensDictionary> {
  const config = await readSaeLensConfig(folder);
  const { architecture } = config;
  let parameters = await readParameters(folder, config);
  if (architecture.kind === 'topk' && architecture.rescaledByDecoderNorm) parameters = foldDecoderNorms(parameters);
  const unitNormDecoder = rowNorms(parameters.decoder, config.dSae).every(
    (norm) => Math.abs(norm - 1) < UNIT_NORM_TOLERANCE,
  );
  if (config.normalisation === 'scaled') parameters = foldInputScale(parameters, await readScalingFactor(folder));
  const shape: EngineShape = {
    dIn: config.dIn,
    dSae: config.dSae,
    architecture:
      architecture.kind === 'topk'
        ? { kind: 'topk', k: architecture.k }
        : { kind: 'relu', penalty: config.penalty ?? 'decoder_norm_weighted' },
    applyDecoderBiasToInput: config.applyDecoderBiasToInput,
    unitNormDecoder: unitNormDecoder && config.normalisation === 'none',
  };
  const { origin, l1 } = config;
  return { shape, parameters, origin, ...(l1 === null ? {} : { sparsityCoefficient: l1 }) };
}

/** The values that reading back will give. */
export function roundToStorage(parameters: DictionaryParameters, storage: Storage): DictionaryParameters {
  if (storage === 'float32') return parameters;
  const round = (values: Float32Array): Float32Array => values.map((value) => halfToFloat(floatToHalf(value)));
  const { encoder, encoderBias, decoder, decoderBias } = parameters;
  return {
    ...{ encoder: round(encoder), encoderBias: round(encoderBias) },
    ...{ decoder: round(decoder), decoderBias: round(decoderBias) },
  };
}

function tensor(values: Float32Array, shape: readonly number[], storage: Storage): TensorData {
  if (storage === 'float32') return { dtype: 'F32', shape, data: values };
  const data = Uint16Array.from(values, floatToHalf);
  if (data.some((bits) => (bits & 0x7c00) === 0x7c00))
    throw new WorkError('a weight is too large for float16 (over 65,504); use --storage float32');
  return { dtype: 'F16', shape, data };
}

function configFile({ shape, origin, sparsityCoefficient }: SaeLensDictionary, storage: Storage): string {
  const { architecture } = shape;
  const config = {
    d_in: shape.dIn,
    d_sae: shape.dSae,
    dtype: storage,
    device: 'cpu',
    apply_b_dec_to_input: shape.applyDecoderBiasToInput,
    normalize_activations: 'none',
    reshape_activations: 'none',
    metadata: {
      sae_lens_version: SAELENS_VERSION,
      sae_lens_training_version: null,
      ssae_version: productVersion,
      model_name: origin.model,
      ssae_model_hash: origin.modelHash,
      hook_name: origin.hookPoint,
      hook_head_index: null,
      context_size: origin.contextLength,
      training_architecture: architecture.kind === 'topk' ? 'topk' : 'standard',
      training_architecture_details:
        architecture.kind === 'topk'
          ? { k: architecture.k }
          : { penalty: architecture.penalty, l1_coefficient: sparsityCoefficient ?? null },
    },
    ...(architecture.kind === 'topk' ? { k: architecture.k, rescale_acts_by_decoder_norm: false } : {}),
    architecture: architecture.kind === 'topk' ? 'topk' : 'standard',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Writes both files into an existing folder. `float16` halves the size and moves every weight by at most one part in 2,048. */
export async function writeSaeLens(folder: string, dictionary: SaeLensDictionary, storage: Storage): Promise<void> {
  const { dIn, dSae } = dictionary.shape;
  const { encoder, encoderBias, decoder, decoderBias } = dictionary.parameters;
  await writeSafetensors(join(folder, WEIGHTS), {
    W_enc: tensor(transpose(encoder, dSae, dIn), [dIn, dSae], storage),
    b_enc: tensor(encoderBias, [dSae], storage),
    W_dec: tensor(decoder, [dSae, dIn], storage),
    b_dec: tensor(decoderBias, [dIn], storage),
  });
  await writeFileAtomic(join(folder, 'cfg.json'), configFile(dictionary, storage));
}
