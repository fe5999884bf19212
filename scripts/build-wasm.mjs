/**
 * Builds server/compute/wasm/*.wasm, which are committed, from server/compute/kernels.
 * Needs clang++ 16 or later with the wasm32 target, and lld; the same major version of clang gives the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const committed = (file, options) => ({ path: join(root, 'server', 'compute', 'wasm', file), options });
/** The committed files, and what their instructions are asked for with. `compute/wasm-build.ts` says which one runs. */
export const WASM_FILES = [
  committed('kernels.wasm', ['-msimd128']),
  committed('kernels-relaxed.wasm', ['-msimd128', '-mrelaxed-simd']),
];
/** The clang that built the committed files. Before it, relaxed SIMD had other opcodes than the final ones. */
export const COMMITTED_WITH = 16;

const EXPORTS = [
  'stackTop',
  'create',
  'regionStart',
  'reserve',
  'parametersWritten',
  'beginCall',
  'runCall',
  '__stack_pointer',
];
const COMPILE = [
  ...[
    '--target=wasm32',
    '-std=c++17',
    '-O3',
    '-ffp-contract=off',
    '-ffreestanding',
    '-nostdlib',
    '-fvisibility=hidden',
  ],
  ...[
    '-fno-exceptions',
    '-fno-rtti',
    '-fno-threadsafe-statics',
    '-matomics',
    '-mbulk-memory',
    '-mmutable-globals',
    '-w',
  ],
];
const LINK = [
  ...[
    '--no-entry',
    '--strip-all',
    '--import-memory',
    '--shared-memory',
    '--max-memory=4294967296',
    '-z',
    'stack-size=65536',
  ],
  ...EXPORTS.map((name) => `--export=${name}`),
];

function versionOf(compiler) {
  const { stdout, status } = spawnSync(compiler, ['--version'], { encoding: 'utf8' });
  const major = status === 0 ? /clang version (\d+)/.exec(stdout)?.[1] : undefined;
  return major === undefined ? null : Number(major);
}

/** A clang++ and the lld beside it, the committed files' version first; null where there is none. */
export function findClang() {
  const versions = [COMMITTED_WITH, ...Array.from({ length: 24 - COMMITTED_WITH }, (_, index) => 24 - index)];
  for (const suffix of [...versions.map((version) => `-${version}`), '']) {
    const version = versionOf(`clang++${suffix}`);
    const linker = `wasm-ld${suffix}`;
    if (version >= COMMITTED_WITH && spawnSync(linker, ['--version'], { stdio: 'ignore' }).status === 0)
      return { compiler: `clang++${suffix}`, linker, version };
  }
  return null;
}

function command(program, options, cwd) {
  const { status, stderr } = spawnSync(program, options, { encoding: 'utf8', cwd });
  if (status !== 0) throw new Error(`${program} ended with status ${status}:\n${stderr}`);
}

/** @param options of one of WASM_FILES */
export function buildWasm(clang, options, output) {
  const temporary = mkdtempSync(join(tmpdir(), 'ssae-wasm-'));
  try {
    const object = join(temporary, 'kernels.o');
    // Relative source path: the bytes must not depend on where the clone is.
    const compile = [...COMPILE, ...options, '-c', 'wasm.cc', '-o', object];
    command(clang.compiler, compile, join(root, 'server', 'compute', 'kernels'));
    mkdirSync(dirname(output), { recursive: true });
    command(clang.linker, [...LINK, object, '-o', output]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const clang = findClang();
  if (clang === null)
    throw new Error(
      `clang++ ${COMMITTED_WITH} or later and wasm-ld are needed; on Debian: apt-get install clang-16 lld-16`,
    );
  for (const { path, options } of WASM_FILES) buildWasm(clang, options, path);
  console.log(`Built ${WASM_FILES.map(({ path }) => basename(path)).join(' and ')} with clang ${clang.version}.`);
}
