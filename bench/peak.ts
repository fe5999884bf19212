/** The machine's float32 peak, measured by bench/peak.cc: a bound that no product can pass. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { shippedFile } from '../server/foundation/package-root.ts';
import { AnsweringProgram } from './answering-program.ts';

/** As in bench/peak.cc. */
const FLOPS_A_THREAD = 1e10;

/** @returns null where there is no compiler */
export function openPeak(threads: number): { side: AnsweringProgram; flops: number } | null {
  const program = shippedFile('dist', 'bench', 'peak');
  mkdirSync(shippedFile('dist', 'bench'), { recursive: true });
  const native = process.arch === 'arm64' ? '-mcpu=native' : '-march=native';
  const options = ['-std=c++17', '-O3', '-ffp-contract=fast', '-pthread', native];
  const { status } = spawnSync('c++', [...options, shippedFile('bench', 'peak.cc'), '-o', program]);
  if (status !== 0) return null;
  return { side: new AnsweringProgram('peak', program, [String(threads)]), flops: FLOPS_A_THREAD * threads };
}
