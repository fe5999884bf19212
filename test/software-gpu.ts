import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/** As in <dlfcn.h>: the library stays loaded though it is no Node addon. */
const RTLD_NODELETE = 0x1000;

/** Loads a shared library, which later `dlopen` calls find by its name. */
function loadLibrary(path: string): void {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch {
    // It registers no Node module; Dawn says so if it did not load.
  }
}

/**
 * Makes SwiftShader, which `@sparticuz/chromium` holds, this process's Vulkan driver, unless one is chosen already. Call it before anything
 * looks for a GPU.
 * @returns why there is none, or null
 */
export function useSoftwareGpu(): string | null {
  if (process.env['VK_DRIVER_FILES'] !== undefined) return null;
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'SwiftShader comes for linux-x64 only';
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const packed = join(dirname(entry), '..', '..', 'bin', 'swiftshader.tar.br');
  if (!existsSync(packed)) return '@sparticuz/chromium has no swiftshader.tar.br';
  const folder = mkdtempSync(join(tmpdir(), 'ssae-swiftshader-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  execFileSync('tar', ['xf', '-', '-C', folder], { input: brotliDecompressSync(readFileSync(packed)) });
  process.env['VK_DRIVER_FILES'] = join(folder, 'vk_swiftshader_icd.json');
  loadLibrary(join(folder, 'libvulkan.so.1'));
  return null;
}
