/**
 * Builds the Node-API addon from server/compute/kernels for the processor at hand. No compiler, or a build that fails, is
 * no error: the reason is recorded beside where the addon would be, and the WebAssembly engine does the work.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processorIdentity, processorName } from '../server/compute/processor.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const kernels = join(root, 'server', 'compute', 'kernels');
const folder = join(root, 'build', 'Release');
const record = join(folder, 'ssae_engine.json');
const COMPILERS = ['c++', 'g++', 'clang++'];

function flags() {
  const mac = process.platform === 'darwin';
  return [
    ...['-std=c++17', '-O3', '-ffp-contract=fast', '-fPIC', '-fvisibility=hidden', '-pthread', '-w'],
    process.arch === 'arm64' ? '-mcpu=native' : '-march=native',
    ...(mac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']),
  ];
}

/** Changes with the sources, the way they are built, and the processor. */
function buildKey() {
  const hash = createHash('sha256');
  for (const name of readdirSync(kernels).sort()) hash.update(name).update(readFileSync(join(kernels, name)));
  return hash
    .update(JSON.stringify([flags(), processorIdentity()]))
    .digest('hex')
    .slice(0, 16);
}

function recorded() {
  try {
    return JSON.parse(readFileSync(record, 'utf8'));
  } catch {
    return null;
  }
}

/** @returns why it could not be built, or null */
function compile(output) {
  if (process.platform === 'win32') return 'it is not built on Windows';
  const headers = join(root, 'node_modules', 'node-api-headers', 'include');
  if (!existsSync(headers)) return 'the node-api-headers package is not installed';
  const compiler = COMPILERS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  if (compiler === undefined) return `no C++ compiler on PATH (${COMPILERS.join(', ')})`;
  const part = `${output}.${process.pid}.part`;
  const built = spawnSync(compiler, [...flags(), `-I${headers}`, join(kernels, 'addon.cc'), '-o', part], {
    encoding: 'utf8',
  });
  if (built.status !== 0) {
    rmSync(part, { force: true });
    const line = (built.stderr ?? '').split('\n').find((text) => /error/i.test(text)) ?? `status ${built.status}`;
    return `${compiler} could not build it: ${line}`;
  }
  renameSync(part, output);
  return null;
}

export async function buildAddonIfPossible() {
  const key = buildKey();
  const before = recorded();
  if (before?.key === key && (before.file === null || existsSync(join(folder, before.file)))) return;
  mkdirSync(folder, { recursive: true });
  const file = `ssae_engine-${key}.node`;
  const reason = compile(join(folder, file));
  const now = {
    key,
    processor: processorIdentity(),
    builtFor: processorName(),
    file: reason === null ? file : null,
    reason,
  };
  writeFileSync(`${record}.part`, JSON.stringify(now, null, 2));
  renameSync(`${record}.part`, record);
  for (const old of readdirSync(folder))
    if (/^ssae_engine-.*\.node$/.test(old) && old !== file) rmSync(join(folder, old), { force: true });
  console.error(
    reason === null ? 'Built the native engine.' : `The native engine was not built: ${reason}. WebAssembly is used.`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAddonIfPossible();
