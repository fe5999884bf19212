/** A SAELens folder, `cfg.json` + `sae_weights.safetensors`, read into the canonical form and written from it. */
import { join } from 'node:path';
import type { DictionaryParameters, EngineShape, ParameterName } from '../compute/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { productVersion } from '../foundation/package-root.ts';
import { streamTensors } from '../foundation/safetensors-stream.ts';
import { floatToHalf, halfToFloat, SafetensorsFile } from '../foundation/safetensors.ts';
import { foldDecoderNorms, foldInputScale, rowNorms } from './canonical.ts';
import type { Dictionary } from './dictionary.ts';
import { readFields } from './fields.ts';
import { saeLensName } from './saelens-architecture.ts';
import { readSaeLensConfig } from './saelens-config.ts';
import { readTensors, tensorLayout, tensorPieces, type Storage } from './saelens-tensors.ts';

/** The release whose folders these are: it loads them without conversion (see `saelens.test.ts`). */
const SAELENS_VERSION = '6.54.12';
const WEIGHTS = 'sae_weights.safetensors';
/** Rows this near to norm 1 were kept there in training; float16 storage moves a norm by at most 5e-4. */
const UNIT_NORM_TOLERANCE = 1e-3;

/** What the folder says, before it has a name. */
export type SaeLensDictionary = Pick<
  Dictionary,
  'shape' | 'parameters' | 'sparsityCoefficient' | 'trainedAs' | 'transcoder' | 'origin'
>;

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

async function readParameters(folder: string, shape: EngineShape, unfinished: boolean): Promise<DictionaryParameters> {
  await using file = await SafetensorsFile.open(join(folder, WEIGHTS));
  const parameters = await readTensors(file, shape, unfinished);
  if (file.tensors.has('scaling_factor') && (await file.float32('scaling_factor')).some((factor) => factor !== 1))
    throw new WorkError(
      `${file.path}: a scaling_factor other than 1 is not supported (SAELens 6 refuses it too); export the dictionary without it`,
    );
  return parameters;
}

function keepsUnitNorms({ decoder }: DictionaryParameters, dSae: number): boolean {
  return rowNorms(decoder, dSae).every((norm) => Math.abs(norm - 1) < UNIT_NORM_TOLERANCE);
}

/**
 * Reads a folder of SAELens 6, or the flat form of versions 2 to 5: standard (relu), topk, jumprelu, gated, transcoders, and unfinished
 * batchtopk runs. `rescale_acts_by_decoder_norm` and `expected_average_only_in` are folded, so that features have the values SAELens
 * reports.
 * @throws WorkError naming the file and the value that is damaged or not supported.
 */
export async function readSaeLens(folder: string): Promise<SaeLensDictionary> {
  const config = await readSaeLensConfig(folder);
  const { dIn, dOut, dSae, applyDecoderBiasToInput, architecture, origin, sparsityCoefficient } = config;
  const { features, skip, unfinished, trainedAs } = architecture;
  const sizes = { dIn, dOut, dSae, architecture: features, skip, applyDecoderBiasToInput };
  let parameters = await readParameters(folder, { ...sizes, unitNormDecoder: false }, unfinished);
  if (architecture.rescaledByDecoderNorm) parameters = foldDecoderNorms(parameters);
  const unitNormDecoder = config.normalisation === 'none' && keepsUnitNorms(parameters, dSae);
  if (config.normalisation === 'scaled') parameters = foldInputScale(parameters, await readScalingFactor(folder));
  return {
    ...{ shape: { ...sizes, unitNormDecoder }, parameters, origin },
    ...(sparsityCoefficient === null ? {} : { sparsityCoefficient }),
    ...(trainedAs === null ? {} : { trainedAs }),
    ...(architecture.transcoder ? { transcoder: { hookPoint: config.targetHookPoint } } : {}),
  };
}

/** The values that reading back will give. */
export function roundToStorage(parameters: DictionaryParameters, storage: Storage): DictionaryParameters {
  if (storage === 'float32') return parameters;
  const round = (values: Float32Array): Float32Array => values.map((value) => halfToFloat(floatToHalf(value)));
  return Object.fromEntries(
    (Object.entries(parameters) as [ParameterName, Float32Array][]).map(([name, values]) => [name, round(values)]),
  ) as unknown as DictionaryParameters;
}

/** Name and options of its training, as SAELens names them where it has names. */
function trainingNotes({ shape, trainedAs, sparsityCoefficient }: SaeLensDictionary): Record<string, unknown> {
  const { architecture } = shape;
  const details =
    architecture.kind === 'topk'
      ? { k: architecture.k }
      : {
          ...('penalty' in architecture && architecture.kind === 'relu' ? { penalty: architecture.penalty } : {}),
          ...(trainedAs !== undefined && 'k' in trainedAs ? { k: trainedAs.k } : {}),
          l1_coefficient: sparsityCoefficient ?? null,
        };
  const names: Readonly<Record<string, string>> = { relu: 'standard', matryoshka: 'matryoshka_batchtopk' };
  const kind = trainedAs?.kind ?? architecture.kind;
  return {
    training_architecture: names[kind] ?? kind,
    training_architecture_details: details,
    ...(trainedAs === undefined ? {} : { ssae_architecture: trainedAs }),
  };
}

function configFile(dictionary: SaeLensDictionary, storage: Storage): string {
  const { shape, origin, transcoder } = dictionary;
  const { architecture } = shape;
  const config = {
    d_in: shape.dIn,
    ...(transcoder === undefined ? {} : { d_out: shape.dOut }),
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
      ...(transcoder === undefined ? {} : { hook_name_out: transcoder.hookPoint }),
      context_size: origin.contextLength,
      ...trainingNotes(dictionary),
    },
    ...(architecture.kind === 'topk' ? { k: architecture.k, rescale_acts_by_decoder_norm: false } : {}),
    architecture: saeLensName(shape, transcoder !== undefined),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Writes both files into an existing folder. `float16` halves the size and moves every weight by at most one part in 2,048. */
export async function writeSaeLens(folder: string, dictionary: SaeLensDictionary, storage: Storage): Promise<void> {
  const { shape, parameters } = dictionary;
  const config = configFile(dictionary, storage);
  const pieces = tensorPieces(shape, parameters, storage);
  await streamTensors(join(folder, WEIGHTS), tensorLayout(shape, storage), pieces);
  await writeFileAtomic(join(folder, 'cfg.json'), config);
}
