/**
 * `npm run bench:train -- [--quick] [--json] [--rounds N] [--architecture NAME] [--only steps|encoding]`: a training step of every engine
 * beside the peers that are installed, then encoding alone. --quick takes the steps of three small shapes, and 3 rounds.
 */
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { prepare } from '../scripts/prepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const banner =
  "import { createRequire as ssaeCreateRequire } from 'node:module'; const require = ssaeCreateRequire(import.meta.url);";
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    architecture: { type: 'string' },
    only: { type: 'string' },
  },
});
if (values.only !== undefined && !['steps', 'encoding'].includes(values.only))
  throw new Error(`--only is "${values.only}"; expected steps or encoding`);
await prepare();
await build({
  ...{ entryPoints: ['sae', 'encode'].map((name) => `${root}bench/${name}.ts`), outdir: `${root}dist/bench` },
  ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', outExtension: { '.js': '.mjs' } },
  ...{ banner: { js: banner }, logLevel: 'warning' },
});
const { benchSae, FULL_CASES, QUICK_CASES } = await import(`${root}dist/bench/sae.mjs`);
const { benchEncoding } = await import(`${root}dist/bench/encode.mjs`);
const cases = (values.quick ? QUICK_CASES : FULL_CASES).filter(
  ({ architecture }) => values.architecture === undefined || values.architecture === architecture,
);
const control = {
  signal: globalThis.AbortSignal.any([]),
  report: ({ stage, done, total }) => process.stderr.write(`${done + 1} of ${total}: ${stage}\n`),
};
const rounds = Number(values.rounds ?? (values.quick ? 3 : 7));
const encodes =
  values.only === undefined ? !values.quick && values.architecture === undefined : values.only !== 'steps';
const steps = await benchSae(rounds, control, values.only === 'encoding' ? [] : cases);
const result = { ...steps, ...(encodes ? await benchEncoding(rounds, control) : {}) };

const figure = (number) => (number === null ? '–' : number.toFixed(number < 10 ? 2 : 0));
const percent = (share) => `${(100 * share).toFixed(0)} %`;
const range = ({ ratio, ratioLow, ratioHigh }) => `${figure(ratio)} (${figure(ratioLow)}–${figure(ratioHigh)})`;

function print(columns, rows) {
  const line = (cells) => console.log(`| ${cells.join(' | ')} |`);
  console.log('');
  line(columns);
  line(columns.map(() => '---'));
  for (const row of rows) line(row);
}

if (values.json) console.log(JSON.stringify(result));
else {
  const size = ({ dIn, dSae, batch }) => [`${dIn} × ${dSae}`, batch];
  const other = (row) => [row.peer ?? '–', figure(row.peerMilliseconds), range(row), figure(row.cpuRatio)];
  const comparison = ['ms', 'peer', 'its ms', 'ratio (min–max)', 'CPU ratio'];
  console.log(result.machine);
  if (result.rows.length > 0)
    print(
      ['architecture', 'd_in × d_sae', 'batch', 'n', 'engine', 'objective', ...comparison],
      result.rows.map((row) => [
        ...[row.architecture, ...size(row), row.rounds, row.engine, row.objective],
        ...[figure(row.ourMilliseconds), ...other(row)],
      ]),
    );
  if (encodes) {
    console.log('\nTopK features of a batch, without training:');
    print(
      ['d_in × d_sae', 'batch', 'n', 'engine', ...comparison],
      result.encoding.map((row) => [
        ...[...size(row), row.rounds, row.engine, figure(row.ourMilliseconds)],
        ...other(row),
      ]),
    );
    console.log(
      '\nThe encoder’s product, 2 · batch · d_in · d_sae operations, against fused multiply-adds on registers:',
    );
    print(
      ['d_in × d_sae', 'batch', 'n', 'engine', 'ms', 'GFLOP/s', 'peak', 'share', 'CPU share'],
      result.products.map((row) => [
        ...[...size(row), row.rounds, row.engine, figure(row.milliseconds), figure(row.gigaflops)],
        ...[figure(row.peakGigaflops), percent(row.share), percent(row.cpuShare)],
      ]),
    );
  }
}
process.exit(0);
