/** Bundles sources into dist/: entry points of the server, its workers, the extension, one bundle for each webview. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { extension, lateParts } from './client-bundle.mjs';

// Not taken from prepare.mjs: that file waits for this one while it is still being evaluated itself.
const root = fileURLToPath(new URL('..', import.meta.url));

/** Packages with native parts or data files stay outside of bundles. */
const NATIVE = ['onnxruntime-node', '@lancedb/lancedb', 'apache-arrow', 'webgpu', 'vscode'];

function filesBelow(folder, ending) {
  return readdirSync(join(root, folder), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(root, folder, name));
}

export async function bundleAll() {
  const common = {
    ...{ bundle: true, sourcemap: true, metafile: true, logLevel: 'warning', absWorkingDir: root },
    // Its main file finds its parts by a require of its own, which no bundler follows.
    alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  };
  const entries = [...filesBelow('server', '.worker.ts'), join(root, 'server/cli.ts'), join(root, 'server/main.ts')];
  const server = build({
    ...common,
    entryPoints: Object.fromEntries(
      entries.filter((path) => existsSync(path)).map((path) => [basename(path, '.ts'), path]),
    ),
    outdir: 'dist/server',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    external: NATIVE,
    // CommonJS dependencies inside an ES module bundle need a require of their own.
    banner: {
      js: "import { createRequire as ssaeCreateRequire } from 'node:module'; const require = ssaeCreateRequire(import.meta.url);",
    },
  });
  const client = existsSync(join(root, 'client/extension.ts'))
    ? [extension, lateParts].map((options) => build({ ...common, ...options }))
    : [];
  const webviews = readdirSync(join(root, 'webviews'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, 'webviews', entry.name, 'main.tsx')))
    .map((entry) =>
      build({
        ...common,
        entryPoints: { [entry.name]: join('webviews', entry.name, 'main.tsx') },
        outdir: 'dist/webviews',
        format: 'iife',
        target: 'es2022',
        minify: true,
        sourcemap: false,
        jsx: 'automatic',
        jsxImportSource: 'preact',
      }),
    );
  const built = await Promise.all([server, ...client, ...webviews]);
  const files = built.flatMap(({ metafile }) => Object.keys(metafile.outputs));
  // Chunks of earlier builds stay: a daemon that runs may load them yet. What belongs to this one is listed.
  writeFileSync(join(root, 'dist', 'built'), `${files.sort().join('\n')}\n`);
}
