import { build, type Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';

const ENTRY = 'client/extension.ts';

/** What is evaluated when VS Code loads the extension: files that it reaches without `import()`. */
function loadedAtOnce({ inputs }: Metafile): string[] {
  const reached = new Set([ENTRY]);
  for (const file of reached)
    for (const { path, kind, external } of inputs[file]!.imports)
      if (kind !== 'dynamic-import' && external !== true) reached.add(path);
  return [...reached];
}

describe('activation', () => {
  it('evaluates neither schemas nor the connection: they come with the first request', async () => {
    const { metafile } = await build({
      ...{ entryPoints: [ENTRY], absWorkingDir: packageRoot, bundle: true, write: false, metafile: true },
      ...{ platform: 'node', format: 'cjs', external: ['vscode'] },
      alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
    });
    const files = loadedAtOnce(metafile);
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((file) => /node_modules\/(zod|vscode-jsonrpc)\/|^server\/protocol\//.test(file))).toEqual([]);
  });
});
