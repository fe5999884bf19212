/** `node bench/run.mjs NAME [OPTIONS]`: bundles bench/NAME.ts, which Node 20 cannot read as it is, and runs it. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { prepare } from '../scripts/prepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [name] = process.argv.splice(2, 1);
const outfile = `${root}dist/bench/${name}.mjs`;
const banner =
  "import { createRequire as ssaeCreateRequire } from 'node:module'; const require = ssaeCreateRequire(import.meta.url);";
await prepare();
await build({
  ...{
    entryPoints: [`${root}bench/${name}.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  },
  ...{ external: ['esbuild', '@sparticuz/chromium'], banner: { js: banner }, logLevel: 'warning' },
});
await import(outfile);
