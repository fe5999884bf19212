/** Bundles sources into dist/: entry points of the server, its workers, the extension, one bundle for each webview. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, transform } from 'esbuild';
import { fileURLToPath } from 'node:url';

// Not taken from prepare.mjs: that file waits for this one while it is still being evaluated itself.
const root = fileURLToPath(new URL('..', import.meta.url));

/** Packages with native parts or data files stay outside of bundles. */
const NATIVE = ['onnxruntime-node', '@lancedb/lancedb', 'apache-arrow', 'vscode'];

/** Error messages of zod in fifty languages, of which nobody asks for any but English: a third of the extension's bundle. */
const englishOnly = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

function filesBelow(folder, ending) {
  return readdirSync(join(root, folder), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(root, folder, name));
}

/**
 * The extension as CommonJS, which VS Code loads before 1.100 too, cut where it imports late: to compile all at once takes longer
 * than to activate. esbuild cuts ES modules only, so what it cut is turned into CommonJS file by file.
 */
async function bundleClient(common) {
  const cut = await build({
    ...common,
    ...{ minify: true, keepNames: true, plugins: [englishOnly], sourcemap: 'inline', write: false },
    ...{ entryPoints: ['client/extension.ts'], outdir: 'dist/client', outExtension: { '.js': '.cjs' } },
    ...{ platform: 'node', target: 'node20', format: 'esm', splitting: true, chunkNames: 'chunks/[name]-[hash]' },
    external: ['vscode'],
  });
  for (const { path, text } of cut.outputFiles) {
    const sourcefile = basename(path);
    const { code, map } = await transform(text, {
      ...{ format: 'cjs', target: 'node20', minifyWhitespace: true, sourcemap: 'external', sourcefile },
    });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${code}//# sourceMappingURL=${sourcefile}.map\n`);
    writeFileSync(`${path}.map`, map);
  }
  return cut;
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
  const client = bundleClient(common);
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
  const built = await Promise.all([server, client, ...webviews]);
  const files = built.flatMap(({ metafile }) => Object.keys(metafile.outputs));
  // Chunks of earlier builds stay: a daemon that runs may load them yet. What belongs to this one is listed.
  writeFileSync(join(root, 'dist', 'built'), `${files.sort().join('\n')}\n`);
}
