import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outfile = `${root}dist/bench/daemon.mjs`;
const banner =
  "import { createRequire as ssaeCreateRequire } from 'node:module'; const require = ssaeCreateRequire(import.meta.url);";
await build({
  ...{
    entryPoints: [`${root}bench/daemon.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  },
  ...{ external: ['esbuild'], banner: { js: banner }, logLevel: 'warning' },
});
await import(outfile);
