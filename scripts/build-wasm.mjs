/**
 * Builds server/compute/wasm/kernels.wasm, which is committed, from server/compute/kernels.
 * Needs clang++ with the wasm32 target, and lld; the same major version of clang gives the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
export const committedWasm = join(root, 'server', 'compute', 'wasm', 'kernels.wasm');
/** The clang that built the committed file. */
export const COMMITTED_WITH = 14;

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
    '-msimd128',
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

/** A clang++ and the lld beside it, the committed file's version first; null where there is none. */
export function findClang() {
  const versions = [COMMITTED_WITH, ...Array.from({ length: 12 }, (_, index) => 24 - index)];
  for (const suffix of [...versions.map((version) => `-${version}`), '']) {
    const version = versionOf(`clang++${suffix}`);
    const linker = `wasm-ld${suffix}`;
    if (version !== null && spawnSync(linker, ['--version'], { stdio: 'ignore' }).status === 0)
      return { compiler: `clang++${suffix}`, linker, version };
  }
  return null;
}

function command(program, options, cwd) {
  const { status, stderr } = spawnSync(program, options, { encoding: 'utf8', cwd });
  if (status !== 0) throw new Error(`${program} ended with status ${status}:\n${stderr}`);
}

export function buildWasm(clang, output) {
  const temporary = mkdtempSync(join(tmpdir(), 'ssae-wasm-'));
  try {
    const object = join(temporary, 'kernels.o');
    // Relative source path: the bytes must not depend on where the clone is.
    command(clang.compiler, [...COMPILE, '-c', 'wasm.cc', '-o', object], join(root, 'server', 'compute', 'kernels'));
    mkdirSync(dirname(output), { recursive: true });
    command(clang.linker, [...LINK, object, '-o', output]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const clang = findClang();
  if (clang === null) throw new Error('clang++ and wasm-ld are needed; on Debian: apt-get install clang lld');
  buildWasm(clang, committedWasm);
  console.log(`Built kernels.wasm with clang ${clang.version}.`);
}
