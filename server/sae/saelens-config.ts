/**
 * `cfg.json` of a SAELens folder, version 6 and the flat form of versions 2 to 5, read into what this product runs.
 * Rules: https://github.com/decoderesearch/SAELens (6.54.12, `SAE.load_from_disk`), checked against its goldens.
 */
import { join } from 'node:path';
import { WorkError } from '../foundation/errors.ts';
import type { DictionaryOrigin } from './dictionary.ts';
import { fieldsOf, own, readFields, shown, textOrNull, type Fields } from './fields.ts';
import { fileArchitecture, type FileArchitecture } from './saelens-architecture.ts';

export interface SaeLensConfig {
  readonly path: string;
  readonly dIn: number;
  readonly dOut: number;
  readonly dSae: number;
  readonly architecture: FileArchitecture;
  readonly applyDecoderBiasToInput: boolean;
  /** `scaled`: x is multiplied by the number in activation_scaler.json before encoding, x̂ divided by it. */
  readonly normalisation: 'none' | 'scaled';
  /** λ as SAELens notes it; null where nobody did. */
  readonly sparsityCoefficient: number | null;
  readonly origin: DictionaryOrigin;
  /** Of a transcoder: where its targets are read. */
  readonly targetHookPoint: string | null;
}

function width(path: string, fields: Fields, key: string): number {
  const value = own(fields, key);
  if (value === undefined) throw new WorkError(`${path} has no ${key}`);
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw new WorkError(`${path}: ${key} is ${shown(value)}; a whole number of at least 1 was expected`);
  return value as number;
}

function isBeforeVersion6(fields: Fields, metadata: Fields): boolean {
  const version = textOrNull(own(fields, 'sae_lens_version')) ?? textOrNull(own(metadata, 'sae_lens_version'));
  const major = version === null ? NaN : Number.parseInt(version, 10);
  return !(major >= 6);
}

function normalisationOf(path: string, fields: Fields): SaeLensConfig['normalisation'] {
  const value = own(fields, 'normalize_activations') ?? 'none';
  if (value === 'none' || value === false) return 'none';
  if (value === 'expected_average_only_in' || value === true) return 'scaled';
  throw new WorkError(
    `${path}: normalize_activations ${shown(value)} is not supported; supported: "none", "expected_average_only_in" (folded into the weights)`,
  );
}

function refuseReshaping(path: string, fields: Fields, hookPoint: string | null, flat: boolean): void {
  const reshaping = own(fields, 'reshape_activations') ?? (flat && hookPoint?.endsWith('_z') ? 'hook_z' : 'none');
  if (reshaping !== 'none')
    throw new WorkError(`${path}: reshape_activations ${shown(reshaping)} is not supported; supported: "none"`);
}

/** A transcoder's decoder bias lies in the targets' space. */
function biasOf(path: string, fields: Fields, transcoder: boolean): boolean {
  const bias = own(fields, 'apply_b_dec_to_input') ?? !transcoder;
  if (typeof bias !== 'boolean')
    throw new WorkError(`${path}: apply_b_dec_to_input is ${shown(bias)}; true or false was expected`);
  if (bias && transcoder)
    throw new WorkError(`${path}: apply_b_dec_to_input is true, which no transcoder can do (SAELens refuses it too)`);
  return bias;
}

function originOf(metadata: Fields): DictionaryOrigin {
  const contextLength = own(metadata, 'context_size');
  return {
    model: textOrNull(own(metadata, 'model_name')),
    modelHash: textOrNull(own(metadata, 'ssae_model_hash')),
    hookPoint: textOrNull(own(metadata, 'hook_name') ?? own(metadata, 'hook_point')),
    contextLength: Number.isSafeInteger(contextLength) ? (contextLength as number) : null,
  };
}

function coefficientOf(fields: Fields, metadata: Fields): number | null {
  const details = fieldsOf(own(metadata, 'training_architecture_details'));
  const noted = own(details, 'l1_coefficient') ?? own(details, 'l0_coefficient') ?? own(fields, 'l1_coefficient');
  return typeof noted === 'number' && noted >= 0 ? noted : null;
}

/** @throws WorkError naming the file, the key and its value when this product cannot run what it describes. */
export async function readSaeLensConfig(folder: string): Promise<SaeLensConfig> {
  const path = join(folder, 'cfg.json');
  const fields = await readFields(path);
  const nested = fieldsOf(own(fields, 'metadata'));
  const flat = isBeforeVersion6(fields, nested);
  const metadata = flat ? fields : nested;
  const dSae = width(path, fields, 'd_sae');
  const dIn = width(path, fields, 'd_in');
  const origin = originOf(metadata);
  refuseReshaping(path, fields, origin.hookPoint, flat);
  const architecture = fileArchitecture(path, fields, metadata, { flat, dSae });
  return {
    ...{ path, dIn, dSae, architecture, origin },
    dOut: architecture.transcoder ? width(path, fields, 'd_out') : dIn,
    applyDecoderBiasToInput: biasOf(path, fields, architecture.transcoder),
    normalisation: normalisationOf(path, fields),
    sparsityCoefficient: coefficientOf(fields, metadata),
    targetHookPoint: textOrNull(own(metadata, 'hook_name_out')),
  };
}
