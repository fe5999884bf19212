/**
 * How often each feature fires, in the file SAELens keeps beside the weights: `sparsity.safetensors`, one tensor
 * `sparsity` [d_sae] = log10(share + 1e-10). Ours says in the file's metadata over how many tokens it was counted.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkError } from '../foundation/errors.ts';
import { SafetensorsFile, writeSafetensors } from '../foundation/safetensors.ts';
import type { FeatureDensities } from './dictionary.ts';

export const DENSITIES_FILE = 'sparsity.safetensors';
const TENSOR = 'sparsity';
const OFFSET = 1e-10;
/** A logarithm of a share is at most log10(1 + 1e-10); float16 and bfloat16 storage round it up by less than this. */
const LARGEST_LOGARITHM = 1e-2;

function damaged(path: string, why: string): WorkError {
  return new WorkError(`${path} ${why}; delete the file (ssae dictionary count makes it anew) or restore it`);
}

/** A file that does not say so, SAELens's own among them, was counted over 0 tokens: over a number nobody noted. */
function tokensOf({ path, metadata }: SafetensorsFile): number {
  const stated = (metadata as Readonly<Record<string, unknown>> | null)?.['tokens'] ?? '0';
  const tokens = typeof stated === 'string' && /^\d{1,15}$/.test(stated) ? Number(stated) : NaN;
  if (Number.isNaN(tokens)) throw damaged(path, `says it was counted over ${JSON.stringify(stated)} tokens`);
  return tokens;
}

/**
 * Shares of a dictionary's folder; null where nobody counted.
 * @throws WorkError naming the file when it is damaged or of another dictionary's width
 */
export async function readDensities(folder: string, dSae: number): Promise<FeatureDensities | null> {
  const path = join(folder, DENSITIES_FILE);
  if ((await stat(path).catch(() => null)) === null) return null;
  await using file = await SafetensorsFile.open(path);
  const { shape } = file.entry(TENSOR);
  if (shape.length !== 1 || shape[0] !== dSae)
    throw damaged(path, `holds "${TENSOR}" [${shape.join(', ')}], the dictionary has ${dSae} features`);
  const logarithms = await file.float32(TENSOR);
  const wrong = logarithms.findIndex((value) => !(value <= LARGEST_LOGARITHM));
  if (wrong >= 0)
    throw damaged(path, `says ${logarithms[wrong]} of feature ${wrong}, which is no logarithm of a share of tokens`);
  const shares = logarithms.map((value) => Math.min(1, Math.max(0, 10 ** value - OFFSET)));
  return { shares, tokens: tokensOf(file) };
}

/** Writes the file into an existing folder; in float32 a share comes back to one part in a million. */
export async function writeDensities(folder: string, { shares, tokens }: FeatureDensities): Promise<void> {
  const data = shares.map((share) => Math.log10(share + OFFSET));
  await writeSafetensors(
    join(folder, DENSITIES_FILE),
    { [TENSOR]: { dtype: 'F32', shape: [data.length], data } },
    tokens === 0 ? undefined : { tokens: String(tokens) },
  );
}

/** @param fires [d_sae] tokens on which each feature fired */
export function densitiesOf(fires: Uint32Array, tokens: number): FeatureDensities {
  return { shares: Float32Array.from(fires, (count) => (tokens === 0 ? 0 : count / tokens)), tokens };
}
