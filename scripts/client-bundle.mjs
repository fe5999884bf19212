/** How the extension is bundled: esbuild's options for what VS Code loads at its start, and for what it loads later. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

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

/** Error messages of zod in fifty languages, of which nobody asks for any but English: a third of the extension's bundle. */
const englishOnly = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** What of the editor's API exists at run time, as its types declare it. */
function namesOfApi() {
  const types = readFileSync(createRequire(import.meta.url).resolve('@types/vscode/index.d.ts'), 'utf8');
  const values = types.matchAll(/^\s+export (?:abstract )?(?:class|enum|namespace|const|function|let) (\w+)/gm);
  return [...new Set([...values].map(([, name]) => name))];
}

/**
 * One `require('vscode')` for all files. For each file that imports all of a CommonJS module, esbuild copies that module property by
 * property; for seventy files and the editor's API this took two thirds of the time to load.
 */
const oneApi = {
  name: 'one-api',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^vscode$/ }, ({ namespace }) =>
      namespace === 'api' ? { path: 'vscode', external: true } : { path: 'vscode', namespace: 'api' },
    );
    onLoad({ filter: /^vscode$/, namespace: 'api' }, () => ({
      contents: `export const { ${namesOfApi().join(', ')} } = require('vscode');`,
    }));
  },
};

const common = {
  ...{ bundle: true, metafile: true, platform: 'node', target: 'node20', format: 'cjs' },
  // Its main file finds its parts by a require of its own, which no bundler follows.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  logOverride: { 'import-is-undefined': 'error' },
  // Names of functions stay, for traces in the log.
  ...{ minifySyntax: true, minifyWhitespace: true },
  ...{ outExtension: { '.js': '.cjs' }, outdir: 'dist/client' },
};

export const extension = { ...common, plugins: [oneApi, lateFiles], entryPoints: ['client/extension.ts'] };

export const lateParts = {
  ...{ ...common, minify: true, plugins: [englishOnly] },
  entryPoints: Object.entries(LATE).map(([path, name]) => ({ in: path, out: name })),
};
