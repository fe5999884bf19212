import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadAddon } from './addon-kernels.ts';
import { processorIdentity } from './processor.mjs';
import { hasRelaxedSimd, PLAIN_BUILD, RELAXED_BUILD, WASM_BUILD } from './wasm-build.ts';
import { packageRoot } from '../foundation/package-root.ts';

interface BuildWasm {
  readonly WASM_FILES: readonly { readonly path: string; readonly options: readonly string[] }[];
  readonly COMMITTED_WITH: number;
  findClang(): { readonly version: number } | null;
  buildWasm(clang: object, options: readonly string[], output: string): void;
}

const script = (await import(join(packageRoot, 'scripts', 'build-wasm.mjs'))) as BuildWasm;
const clang = script.findClang();
const same = clang?.version === script.COMMITTED_WITH;

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ssae-builds-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe('the committed WebAssembly', () => {
  it.skipIf(!same).each(script.WASM_FILES)(
    `is what its sources give: $options${same ? '' : ` (skipped: no clang ${script.COMMITTED_WITH} with lld)`}`,
    async ({ path, options }) => {
      const output = join(await temporaryFolder(), 'kernels.wasm');
      script.buildWasm(clang!, options, output);
      expect((await readFile(output)).equals(await readFile(path))).toBe(true);
    },
  );

  it('is relaxed SIMD where this node has it, without a flag', () => {
    const [major] = process.versions.node.split('.').map(Number);
    expect(WASM_BUILD).toBe(major! >= 22 ? RELAXED_BUILD : PLAIN_BUILD);
    if (!hasRelaxedSimd()) setFlagsFromString('--experimental-wasm-relaxed-simd');
    expect(hasRelaxedSimd()).toBe(true);
  });

  it('is there for every build that the engine may take', () => {
    expect([PLAIN_BUILD.path, RELAXED_BUILD.path]).toEqual(script.WASM_FILES.map(({ path }) => path));
  });
});

describe('the addon', () => {
  const record = { processor: processorIdentity(), builtFor: 'this one', file: null, reason: null };

  it('is not there when it was never built, and the reason says how to build it', async () => {
    expect(loadAddon(await temporaryFolder())).toMatchObject({
      kind: 'absent',
      reason: expect.stringContaining('npm run build') as unknown,
    });
  });

  it.each([
    [
      { ...record, processor: 'another', builtFor: 'an old one', file: 'ssae_engine-0.node' },
      'built for another processor, an old one',
    ],
    [{ ...record, reason: 'no C++ compiler on PATH' }, 'no C++ compiler on PATH'],
    [{ ...record, file: '../elsewhere.node' }, 'is damaged'],
    [{ ...record, file: 'ssae_engine-0.node' }, 'could not be loaded'],
  ])('is not loaded when its record says %o', async (content, reason) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'ssae_engine.json'), JSON.stringify(content));
    expect(loadAddon(folder)).toMatchObject({ kind: 'absent', reason: expect.stringContaining(reason) as unknown });
  });
});
