/**
 * `cfg.json` of a SAELens folder, version 6 and the flat form of versions 2 to 5, read into what this product runs.
 * Rules: https://github.com/decoderesearch/SAELens (6.54.12, `SAE.load_from_disk`), checked against its goldens.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, WorkError } from '../foundation/errors.ts';
import type { DictionaryOrigin } from './dictionary.ts';

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

export interface SaeLensConfig {
  readonly path: string;
  readonly dIn: number;
  readonly dSae: number;
  readonly architecture:
    { readonly kind: 'relu' } | { readonly kind: 'topk'; readonly k: number; readonly rescaledByDecoderNorm: boolean };
  readonly applyDecoderBiasToInput: boolean;
  /** `scaled`: x is multiplied by the number in activation_scaler.json before encoding, x̂ divided by it. */
  readonly normalisation: 'none' | 'scaled';
  /** `penalty` as this product notes it, `l1_coefficient` as SAELens does; null where nobody noted them. */
  readonly penalty: 'decoder_norm_weighted' | 'plain' | null;
  readonly l1: number | null;
  readonly origin: DictionaryOrigin;
}

type Fields = Readonly<Record<string, unknown>>;

/** Bytes of a small text file. @throws WorkError when it is missing, empty, too large or not UTF-8. */
async function readText(path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new WorkError(
      `could not open ${path}: ${messageOf(error)}. A SAELens dictionary is a folder that holds it.`,
      {
        cause: error,
      },
    );
  });
  try {
    const { size } = await file.stat();
    if (size === 0) throw new WorkError(`${path} is empty`);
    if (size > MAX_CONFIG_BYTES) throw new WorkError(`${path} has ${size} bytes; a configuration has a few hundred`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
  } catch (error) {
    if (error instanceof WorkError) throw error;
    throw new WorkError(`${path} is not UTF-8 text: ${messageOf(error)}`, { cause: error });
  } finally {
    await file.close();
  }
}

/** Python's json module writes NaN and Infinity, which JSON does not have; they are read as null. */
function parsePythonJson(path: string, text: string): unknown {
  const standard = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/gs, (match) =>
    match.startsWith('"') ? match : 'null',
  );
  try {
    return JSON.parse(standard) as unknown;
  } catch (error) {
    throw new WorkError(`${path} is not valid JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** A JSON object file. Keys are only ever looked up as own properties. */
export async function readFields(path: string): Promise<Fields> {
  const parsed = parsePythonJson(path, await readText(path));
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw new WorkError(`${path} is not a configuration: it holds ${Array.isArray(parsed) ? 'a list' : 'no object'}`);
  return parsed as Fields;
}

const own = (fields: Fields, key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);
const fieldsOf = (value: unknown): Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : {};
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const shown = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80));

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

function architectureOf(path: string, fields: Fields, flat: boolean, dSae: number): SaeLensConfig['architecture'] {
  const activation = own(fields, 'activation_fn_str') ?? own(fields, 'activation_fn');
  const named = own(fields, 'architecture') ?? (flat ? 'standard' : undefined);
  if (named === undefined) throw new WorkError(`${path} has no architecture`);
  const isTopK = flat ? (activation ?? '') === 'topk' : named === 'topk';
  if (flat && !isTopK && activation !== undefined && activation !== 'relu')
    throw new WorkError(`${path}: activation function ${shown(activation)} is not supported; supported: relu, topk`);
  if (!(named === 'standard' || named === 'topk'))
    throw new WorkError(`${path}: architecture ${shown(named)} is not supported; supported: standard, topk`);
  if (!isTopK) {
    if (named === 'topk') throw new WorkError(`${path}: architecture "topk" without activation_fn_str "topk"`);
    return { kind: 'relu' };
  }
  const k = own(flat ? fieldsOf(own(fields, 'activation_fn_kwargs')) : fields, 'k');
  if (k === undefined) throw new WorkError(`${path} has no k, which a topk dictionary needs`);
  if (!Number.isSafeInteger(k) || (k as number) < 1 || (k as number) > dSae)
    throw new WorkError(`${path}: k is ${shown(k)}; a whole number from 1 to d_sae (${dSae}) was expected`);
  return { kind: 'topk', k: k as number, rescaledByDecoderNorm: own(fields, 'rescale_acts_by_decoder_norm') === true };
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

/** @throws WorkError naming the file, the key and its value when this product cannot run what it describes. */
export async function readSaeLensConfig(folder: string): Promise<SaeLensConfig> {
  const path = join(folder, 'cfg.json');
  const fields = await readFields(path);
  const nested = fieldsOf(own(fields, 'metadata'));
  const flat = isBeforeVersion6(fields, nested);
  const metadata = flat ? fields : nested;
  const dSae = width(path, fields, 'd_sae');
  const hookPoint = textOrNull(own(metadata, 'hook_name') ?? own(metadata, 'hook_point'));
  refuseReshaping(path, fields, hookPoint, flat);
  const bias = own(fields, 'apply_b_dec_to_input') ?? true;
  if (typeof bias !== 'boolean')
    throw new WorkError(`${path}: apply_b_dec_to_input is ${shown(bias)}; true or false was expected`);
  const contextLength = own(metadata, 'context_size');
  const details = fieldsOf(own(metadata, 'training_architecture_details'));
  const l1 = own(details, 'l1_coefficient') ?? own(fields, 'l1_coefficient');
  const penalty = own(details, 'penalty');
  return {
    path,
    dIn: width(path, fields, 'd_in'),
    dSae,
    architecture: architectureOf(path, fields, flat, dSae),
    applyDecoderBiasToInput: bias,
    normalisation: normalisationOf(path, fields),
    penalty: penalty === 'plain' || penalty === 'decoder_norm_weighted' ? penalty : null,
    l1: typeof l1 === 'number' && l1 >= 0 ? l1 : null,
    origin: {
      model: textOrNull(own(metadata, 'model_name')),
      modelHash: textOrNull(own(metadata, 'ssae_model_hash')),
      hookPoint,
      contextLength: Number.isSafeInteger(contextLength) ? (contextLength as number) : null,
    },
  };
}
