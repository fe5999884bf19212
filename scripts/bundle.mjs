/** Bundles sources into dist/: entry points of the server, its workers, the extension, one bundle for each webview. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

// Not taken from prepare.mjs: that file waits for this one while it is still being evaluated itself.
const root = fileURLToPath(new URL('..', import.meta.url));

/** Packages with native parts or data files stay outside of bundles. */
const NATIVE = ['onnxruntime-node', '@lancedb/lancedb', 'apache-arrow', 'webgpu', 'vscode'];

/** Error messages of zod in fifty languages, of which nobody asks for any but English: a third of the extension's bundle. */
const englishOnly = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/**
 * Packages that the extension needs with its first request, in files of their own: half of its code, which would be parsed before it
 * starts. They import nothing of ours, so no circular import is cut in two, as a bundler's chunks may do.
 */
const LATE = { zod: 'zod', 'vscode-jsonrpc/node.js': 'jsonrpc' };
const lateFiles = {
  name: 'late-files',
  setup({ onResolve }) {
    onResolve({ filter: /^[a-z]/ }, ({ path }) =>
      path in LATE ? { path: `./${LATE[path]}.cjs`, external: true } : undefined,
    );
  },
};

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
  const cjs = {
    ...common,
    ...{ minify: true, keepNames: true, platform: 'node', target: 'node20', format: 'cjs', external: ['vscode'] },
    outExtension: { '.js': '.cjs' },
    outdir: 'dist/client',
  };
  const client = existsSync(join(root, 'client/extension.ts'))
    ? [
        build({ ...cjs, plugins: [lateFiles], entryPoints: ['client/extension.ts'] }),
        build({
          ...cjs,
          plugins: [englishOnly],
          entryPoints: Object.entries(LATE).map(([path, name]) => ({ in: path, out: name })),
        }),
      ]
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
