import { join } from 'node:path';
import type { ActivationFolder } from '../server/foundation/activation-folder.ts';
import { Random } from '../server/foundation/random.ts';
import { writeSafetensors } from '../server/foundation/safetensors.ts';
import { openActivationFile } from '../server/train/activation-file.ts';

/** Rows that are sums of a few of `features` random directions, plus a common offset: what a dictionary can find. */
export function synthesise(rows: number, dIn: number, features: number, seed: number): Float32Array {
  const random = new Random(seed);
  const directions = Float32Array.from({ length: features * dIn }, () => random.normal());
  const activations = new Float32Array(rows * dIn).fill(0.5);
  for (let row = 0; row < rows; row++)
    for (let active = 0; active < 3; active++) {
      const feature = random.below(features);
      const strength = 0.5 + random.uniform();
      for (let i = 0; i < dIn; i++) activations[row * dIn + i]! += strength * directions[feature * dIn + i]!;
    }
  return activations;
}

/** Writes rows [n, d_in] as a user's own file. */
export async function writeActivations(folder: string, values: Float32Array, dIn: number): Promise<ActivationFolder> {
  const path = join(folder, 'activations.safetensors');
  await writeSafetensors(path, { activations: { dtype: 'F32', shape: [values.length / dIn, dIn], data: values } });
  return openActivationFile(path);
}
