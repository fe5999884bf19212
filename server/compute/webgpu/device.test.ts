import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { packageRoot } from '../../foundation/package-root.ts';

const { stdout: libraries } = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' });
const hasVulkan = libraries.includes('libvulkan.so.1');
const skipped = process.platform !== 'linux' || hasVulkan;

describe('the search for a GPU', () => {
  it.skipIf(skipped)('writes nothing on a machine without Vulkan, and says what is missing', async () => {
    const folder = await mkdtemp(join(packageRoot, 'dist', 'gpu-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const outfile = join(folder, 'find.mjs');
    await build({
      stdin: {
        contents: "import { findGpu } from './device.ts'; console.log(JSON.stringify(await findGpu()));",
        resolveDir: import.meta.dirname,
      },
      ...{ outfile, bundle: true, platform: 'node', target: 'node20', format: 'esm', external: ['webgpu'] },
    });
    const env = { ...process.env, VK_DRIVER_FILES: undefined };
    const { stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8', env });
    expect(JSON.parse(stdout)).toEqual({
      kind: 'absent',
      reason: 'there is no Vulkan driver: libvulkan.so.1 is not installed',
    });
    expect(stderr).toBe('');
  });
});
