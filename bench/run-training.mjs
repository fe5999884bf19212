/**
 * `npm run bench:train -- [--quick] [--json] [--rounds N] [--architecture NAME]`: a training step of every engine, beside the peers that
 * are installed. --quick takes three small shapes and 3 rounds.
 */
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { prepare } from '../scripts/prepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const outfile = `${root}dist/bench/sae.mjs`;
const banner =
  "import { createRequire as ssaeCreateRequire } from 'node:module'; const require = ssaeCreateRequire(import.meta.url);";
await prepare();
await build({
  ...{ entryPoints: [`${root}bench/sae.ts`], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' },
  ...{ banner: { js: banner }, logLevel: 'warning' },
});
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    architecture: { type: 'string' },
  },
});
const { benchSae, CASES, QUICK_CASES } = await import(outfile);
const cases = (values.quick ? QUICK_CASES : CASES).filter(
  ({ architecture }) => values.architecture === undefined || values.architecture === architecture,
);
const control = {
  signal: globalThis.AbortSignal.any([]),
  report: ({ stage, done, total }) => process.stderr.write(`${done + 1} of ${total}: ${stage}\n`),
};
const result = await benchSae(Number(values.rounds ?? (values.quick ? 3 : 7)), control, cases);
if (values.json) console.log(JSON.stringify(result));
else {
  const figure = (number) => (number === null ? '–' : number.toFixed(number < 10 ? 2 : 0));
  console.log(`${result.machine}\n`);
  console.log(
    '| architecture | d_in × d_sae | batch | engine | objective | ms | peer | its ms | ratio (min–max) | CPU ratio |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const row of result.rows)
    console.log(
      `| ${row.architecture} | ${row.dIn} × ${row.dSae} | ${row.batch} | ${row.engine} | ${row.objective} | ${figure(row.ourMilliseconds)} | ` +
        `${row.peer ?? '–'} | ${figure(row.peerMilliseconds)} | ${figure(row.ratio)} (${figure(row.ratioLow)}–${figure(row.ratioHigh)}) | ${figure(row.cpuRatio)} |`,
    );
}
process.exit(0);
