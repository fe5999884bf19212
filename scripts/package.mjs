/**
 * `npm run package`: builds what is missing, then dist/ssae-studio-PLATFORM.vsix for the platform it runs on, with that
 * platform's native files only. Does nothing when the .vsix is newer than all that goes into it. `--force` builds it anyway.
 * `--target win32-x64` makes that of another platform, with packages that npm fetches for it.
 */
import { createVSIX } from '@vscode/vsce';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillWithPlatform, platformOf } from './other-platform.mjs';
import { newestMtime, prepare, root } from './prepare.mjs';

/** This platform as vsce spells it: linux-x64, alpine-arm64, win32-x64, darwin-arm64, …. */
export function vsixTarget() {
  const usesMusl = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined;
  return `${usesMusl ? 'alpine' : process.platform}-${process.arch}`;
}

export const vsixPath = join(root, 'dist', `ssae-studio-${vsixTarget()}.vsix`);

/** The bundles of the last build, as lines of .vscodeignore: one a folder. */
function bundles() {
  const files = readFileSync(join(root, 'dist', 'built'), 'utf8').split('\n');
  const shipped = files.filter((name) => name !== '' && !name.endsWith('.map'));
  const folders = [...new Set(shipped.map((name) => posix.dirname(name)))];
  return folders.map((folder) => {
    const names = shipped.filter((name) => posix.dirname(name) === folder).map((name) => posix.basename(name));
    return `!${folder}/@(${names.join('|')})`;
  });
}

/** Native files of a platform, as lines of .vscodeignore: that of onnxruntime, of LanceDB, and our own addon, if it was built. */
function nativeFiles(base, { os, cpu }) {
  const inPackages = (...path) => join(base, 'node_modules', ...path);
  const lanceDb = readdirSync(inPackages('@lancedb')).filter((name) => name.startsWith(`lancedb-${os}-${cpu}`));
  const onnxRuntime = readdirSync(inPackages('onnxruntime-node', 'bin')).map((version) =>
    inPackages('onnxruntime-node', 'bin', version, os, cpu),
  );
  for (const folder of onnxRuntime)
    if (!existsSync(folder)) throw new Error(`onnxruntime-node has no files for this platform: ${folder} is missing`);
  return [
    ...onnxRuntime.flatMap((folder) =>
      ['*.node', 'libonnxruntime.so*', 'libonnxruntime.[0-9].dylib', '*.dll'].map((name) => join(folder, name)),
    ),
    ...lanceDb.flatMap((name) => ['*.node', 'package.json'].map((file) => inPackages('@lancedb', name, file))),
    // The addon is of use on processors like this one only; its record says so, and elsewhere WebAssembly does the work.
    ...['ssae_engine-*.node', 'ssae_engine.json'].map((name) => join(base, 'build', 'Release', name)),
  ].map((path) => `!${relative(base, path).replaceAll('\\', '/')}`);
}

/** Whatever goes into the .vsix, and what decides about it. */
function isFresh() {
  const made = newestMtime(vsixPath);
  const sources = ['dist/built', 'build/Release', 'server/embedded', 'bin', 'media', 'l10n'];
  const files = ['package.json', 'package-lock.json', '.vscodeignore', 'README.md', 'CHANGELOG.md', 'LICENSE'];
  const own = fileURLToPath(import.meta.url);
  return [...sources, ...files].every((name) => newestMtime(join(root, name)) < made) && newestMtime(own) < made;
}

/** Packs a folder as the .vsix of a platform. */
async function pack(base, platform, target, path) {
  const folder = mkdtempSync(join(tmpdir(), 'ssae-package-'));
  try {
    const ignoreFile = join(folder, 'vscodeignore');
    const always = readFileSync(join(root, '.vscodeignore'), 'utf8');
    writeFileSync(ignoreFile, [always, ...bundles(), ...nativeFiles(base, platform), ''].join('\n'));
    const packagePath = join(folder, 'packaged.vsix');
    await createVSIX({
      ...{ cwd: base, target, packagePath, ignoreFile },
      ...{ allowMissingRepository: true, rewriteRelativeLinks: false },
    });
    copyFileSync(packagePath, `${path}.part`);
    renameSync(`${path}.part`, path); // Complete or not there, whoever reads it meanwhile.
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns {Promise<string>} the .vsix, built when it was missing or old. */
export async function packageExtension({ force = false } = {}) {
  await prepare();
  if (!force && isFresh()) return vsixPath;
  await pack(root, { os: process.platform, cpu: process.arch }, vsixTarget(), vsixPath);
  return vsixPath;
}

/** @returns {Promise<string>} the .vsix of another platform */
async function packageForeign(target) {
  const platform = platformOf(target);
  await prepare();
  const path = join(root, 'dist', `ssae-studio-${target}.vsix`);
  const base = mkdtempSync(join(tmpdir(), 'ssae-platform-'));
  try {
    fillWithPlatform(base, platform);
    await pack(base, platform, target, path);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { force: { type: 'boolean' }, target: { type: 'string' } } });
  const { force = false, target = vsixTarget() } = values;
  const path = target === vsixTarget() ? await packageExtension({ force }) : await packageForeign(target);
  console.log(`${relative(root, path)}: ${(statSync(path).size / 1e6).toFixed(1)} MB`);
}
