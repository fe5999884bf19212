import { build, type BuildResult, type Metafile } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { extension } from '../scripts/client-bundle.mjs';
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
  let built: BuildResult<{ metafile: true; write: false }>;

  beforeAll(async () => {
    built = await build({ ...extension, absWorkingDir: packageRoot, write: false, sourcemap: false });
  });

  it('evaluates neither schemas nor the connection: they come with the first request', () => {
    const files = loadedAtOnce(built.metafile);
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((file) => /node_modules\/(zod|vscode-jsonrpc)\/|^server\/protocol\//.test(file))).toEqual([]);
  });

  it('copies the editor’s API once, not for each of its files', () => {
    const text = built.outputFiles[0]!.text;
    expect(text.match(/require\("vscode"\)/g)).toHaveLength(1);
    expect(text).not.toContain('__toESM(require("vscode")');
  });
});
