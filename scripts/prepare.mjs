/**
 * Makes a fresh clone ready to run: installs npm packages, bundles the sources, builds the addon where a compiler is there.
 * Each step is skipped when its result is newer than what it is made from.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export function newestMtime(path, keep = () => true) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return keep(path) ? stat.mtimeMs : 0;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestMtime(join(path, name), keep)), 0);
}

/** Packages are installed when what npm recorded of them differs from what the lock file asks for; times of files lie after a clone. */
function packagesAreInstalled() {
  const stamp = join(root, 'node_modules', '.ssae-installed');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockHash();
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function installPackages() {
  if (packagesAreInstalled()) return;
  console.error('Installing npm packages (once; about 700 MB, a minute)…');
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
  const result = spawnSync(npm[0], [...npm.slice(1), 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: npm[0] === 'npm.cmd',
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  if (result.status !== 0) throw new Error(`npm ci failed with status ${result.status}; see its message above`);
  writeFileSync(join(root, 'node_modules', '.ssae-installed'), lockHash());
}

async function bundle() {
  const sources = ['server', 'client', 'webviews', 'package.json', 'scripts'].map((name) => join(root, name));
  const isSource = (path) => !path.endsWith('.test.ts') && !path.includes('embedded/models');
  const newest = Math.max(...sources.map((path) => newestMtime(path, isSource)));
  if (newestMtime(join(root, 'dist', 'built')) > newest) return;
  const { bundleAll } = await import('./bundle.mjs');
  await bundleAll();
}

async function buildAddon() {
  const script = join(root, 'scripts', 'build-addon.mjs');
  if (!existsSync(script)) return;
  const { buildAddonIfPossible } = await import('./build-addon.mjs');
  await buildAddonIfPossible();
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** One process prepares at a time; the others wait and then find everything fresh. A dead process's lock is taken over. */
async function withLock(work) {
  const lock = join(root, '.prepare-lock');
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const owner = Number(readFileSync(lock, { encoding: 'utf8', flag: 'a+' }));
      if (owner > 0 && !isAlive(owner)) rmSync(lock, { force: true });
      else await sleep(100);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

export async function prepare() {
  await withLock(async () => {
    installPackages();
    await bundle();
    await buildAddon();
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await prepare();
