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

/** TensorFlow.js would fetch models with it where Node has no fetch; every Node since 18 has. */
const withoutFetch = {
  name: 'without-fetch',
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/node-fetch\// }, () => ({ contents: 'module.exports = null;' }));
  },
};

/** CommonJS dependencies inside an ES module bundle need a require of their own. */
const REQUIRE =
  "import { createRequire as ssaeCreateRequire } from 'node:module'; const require = ssaeCreateRequire(import.meta.url);";

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
    banner: { js: REQUIRE },
  });
  const tensors = build({
    ...common,
    entryPoints: ['server/compute/tensorflow/tfjs.ts'],
    outdir: 'dist/server',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // The packages' main files hold everything; their modules can be taken apart.
    mainFields: ['module', 'main'],
    minify: true,
    sourcemap: false,
    plugins: [withoutFetch],
    banner: { js: REQUIRE },
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
  const built = await Promise.all([server, tensors, ...client, ...webviews]);
  const files = built.flatMap(({ metafile }) => Object.keys(metafile.outputs));
  // Chunks of earlier builds stay: a daemon that runs may load them yet. What belongs to this one is listed.
  writeFileSync(join(root, 'dist', 'built'), `${files.sort().join('\n')}\n`);
}
