/** `node bench/run-sae.mjs [rounds]`: bench/sae.ts alone, rows as lines of JSON. */
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
const { benchSae } = await import(outfile);
const { machine, rows } = await benchSae(Number(process.argv[2] ?? 7));
console.log(machine);
for (const row of rows) console.log(JSON.stringify(row));
