/** SAELens itself, where a Python with it is installed: it loads folders and says what they compute. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../server/foundation/package-root.ts';
import { SafetensorsFile, writeSafetensors } from '../server/foundation/safetensors.ts';

const python =
  process.env['SSAE_PEERS_PYTHON'] ??
  join(packageRoot, '..', '.venv-peers', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');

/** For a test's name; empty where SAELens is there. */
export const saeLensAbsent = existsSync(python) ? '' : ' (skipped: no Python with sae_lens)';

const LOAD = `
import sys
from safetensors.torch import load_file, save_file
from sae_lens import SAE
x = load_file(sys.argv[1])["activations"]
for folder in sys.argv[2:]:
    sae = SAE.load_from_disk(folder, dtype="float32")
    out = {"feature_acts": sae.encode(x).detach().contiguous(), "reconstruction": sae(x).detach().contiguous()}
    save_file(out, folder + "/out.safetensors")
`;

export interface Computed {
  /** [rows, d_sae] */
  readonly features: Float32Array;
  /** [rows, d_out] */
  readonly reconstruction: Float32Array;
}

/**
 * What SAELens computes from each folder, in their order. Files are left in the folders.
 * @param rows [n, d_in]
 */
export async function computedBySaeLens(
  folders: readonly string[],
  rows: Float32Array,
  dIn: number,
): Promise<Computed[]> {
  const input = join(folders[0]!, 'in.safetensors');
  await writeSafetensors(input, { activations: { dtype: 'F32', shape: [rows.length / dIn, dIn], data: rows } });
  execFileSync(python, ['-c', LOAD, input, ...folders], { stdio: ['ignore', 'ignore', 'pipe'] });
  const results: Computed[] = [];
  for (const folder of folders) {
    await using file = await SafetensorsFile.open(join(folder, 'out.safetensors'));
    const [features, reconstruction] = [await file.float32('feature_acts'), await file.float32('reconstruction')];
    results.push({ features, reconstruction });
  }
  return results;
}
