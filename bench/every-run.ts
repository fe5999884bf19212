/**
 * `npm run bench:every-run [-- --json] [--engine NAME]`: trains every architecture with every objective on every engine that runs here, through the
 * command line, and has SAELens, where it is installed, load each result and reconstruct the same rows.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { openEngine } from '../server/compute/engines.ts';
import { packageRoot } from '../server/foundation/package-root.ts';
import { writeSafetensors } from '../server/foundation/safetensors.ts';
import type { DoctorResult, TrainResult } from '../server/protocol/results.ts';
import { loadDictionary } from '../server/sae/dictionary-store.ts';
import { reconstruct } from '../server/sae/reconstruct.ts';
import { computedBySaeLens, saeLensAbsent } from '../test/saelens-peer.ts';
import { useSoftwareGpu } from '../test/software-gpu.ts';
import { synthesise } from '../test/synthetic-activations.ts';
import { commandLine } from './command-line.mjs';

const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  topk: ['--architecture', 'topk', '--k', '4'],
  'topk, rescaled': ['--architecture', 'topk', '--k', '4', '--rescale'],
  batchtopk: ['--architecture', 'batchtopk', '--k', '4'],
  matryoshka: ['--architecture', 'matryoshka', '--k', '4', '--widths', '16,64'],
  relu: ['--architecture', 'relu', '--l1', '0.05'],
  jumprelu: ['--architecture', 'jumprelu', '--target-l0', '4'],
  'jumprelu, tanh': ['--architecture', 'jumprelu', '--penalty', 'tanh', '--l1', '0.05'],
  gated: ['--architecture', 'gated', '--l1', '0.05'],
  'gated, SAELens': ['--architecture', 'gated', '--l1', '0.05', '--variant', 'saelens'],
  transcoder: ['--architecture', 'transcoder', '--features', 'relu', '--l1', '0.05'],
  'skip transcoder': ['--architecture', 'transcoder', '--features', 'batchtopk', '--k', '4', '--skip'],
};
const OBJECTIVES: Readonly<Record<string, readonly string[]>> = {
  ERM: ['--objective', 'erm'],
  'TERM t 20': ['--tilt', '20'],
  'TERM τ 0.5': ['--tau', '0.5'],
  'TERM ESS 0.5': ['--ess', '0.5'],
};
const [D_IN, D_SAE, ROWS, LOOKED_AT] = [16, 64, 4000, 200];
const TOKENS = 40_000;
/** Of engines that are there for their independence: ten steps. */
const TOKENS_OF_A_SLOW_ENGINE = 1280;

interface Run {
  readonly architecture: string;
  readonly objective: string;
  readonly engine: string;
  readonly explainedVariance: number;
  readonly l0: number;
  readonly seconds: number;
}

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, engine: { type: 'string' } } });
const folder = await mkdtemp(join(tmpdir(), 'ssae-every-run-'));
const gpuAbsent = useSoftwareGpu();
if (gpuAbsent !== null) console.error(`webgpu: ${gpuAbsent}`);
const drivers = process.env['VK_DRIVER_FILES'];
const environment = {
  ...{ ...process.env, SSAE_HOME: join(folder, 'home') },
  ...(drivers === undefined ? {} : { LD_LIBRARY_PATH: dirname(drivers) }),
};

const ssae = commandLine(pathToFileURL(`${packageRoot}/`), environment);

/** Largest difference between our reconstruction and SAELens's of the same folder, over the largest value. */
async function apartFromSaeLens(paths: readonly string[], rows: Float32Array): Promise<number[]> {
  await using engine = await openEngine('auto', { threads: 1 });
  const theirs = await computedBySaeLens(paths, rows, D_IN);
  const apart: number[] = [];
  for (const [i, path] of paths.entries()) {
    const { shape, parameters } = await loadDictionary(path);
    await using loaded = await engine.dictionary(shape, parameters);
    const ours = await reconstruct(loaded, parameters, await loaded.encode(rows), rows);
    const { reconstruction } = theirs[i]!;
    const most = reconstruction.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    apart.push(ours.reduce((l, value, at) => Math.max(l, Math.abs(value - reconstruction[at]!)), 0) / most);
  }
  return apart;
}

const file = join(folder, 'rows.safetensors');
const data = synthesise(ROWS, D_IN, 24, 1);
const activations = { dtype: 'F32', shape: [ROWS, D_IN], data } as const;
await writeSafetensors(file, { activations, targets: activations });
const engines = (ssae('doctor') as DoctorResult).engines.filter(
  ({ available, name }) => available && name === (values.engine ?? name),
);
if (engines.length === 0) throw new Error(`--engine is "${values.engine}", which does not run here`);
const runs: Run[] = [];
const paths: string[] = [];
for (const { name: engine, device } of engines)
  for (const [architecture, shape] of Object.entries(ARCHITECTURES))
    for (const [objective, tilt] of Object.entries(OBJECTIVES)) {
      const path = join(folder, String(runs.length));
      const tokens = /software|tfjs/.test(device ?? '') ? TOKENS_OF_A_SLOW_ENGINE : TOKENS;
      const options = ['--d-sae', `${D_SAE}`, '--batch', '128', '--tokens', `${tokens}`, '--lr', '3e-3', '--seed', '1'];
      const started = performance.now();
      const words = ['train', '--activations', file, ...shape, ...tilt, ...options, '--engine', engine, '-o', path];
      const { explainedVariance, l0 } = (ssae(...words) as TrainResult).final;
      const seconds = (performance.now() - started) / 1000;
      runs.push({ architecture, objective, engine, explainedVariance, l0, seconds });
      paths.push(path);
      console.error(`${engine}, ${architecture}, ${objective}: ${seconds.toFixed(1)} s`);
    }
const looked = data.subarray(0, LOOKED_AT * D_IN);
const apart = saeLensAbsent === '' ? await apartFromSaeLens(paths, looked) : null;
await rm(folder, { recursive: true });

const rows = runs.map((run, i) => ({ ...run, apartFromSaeLens: apart?.[i] ?? null }));
if (values.json) console.log(JSON.stringify(rows));
else {
  console.log('| architecture | objective | engine | EV | L0 | apart from SAELens |\n|---|---|---|---|---|---|');
  for (const row of rows)
    console.log(
      `| ${row.architecture} | ${row.objective} | ${row.engine} | ${row.explainedVariance.toFixed(3)} | ${row.l0.toFixed(2)} | ` +
        `${row.apartFromSaeLens?.toExponential(1) ?? `not looked at${saeLensAbsent}`} |`,
    );
}
process.exit(0);
