/** What a .vsix for another platform is made of: a folder like the clone, with that platform's packages from npm. */
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

/** Platforms that onnxruntime and LanceDB have files for, as vsce spells them, and as npm does. */
const TARGETS = {
  'linux-x64': ['linux', 'x64'],
  'linux-arm64': ['linux', 'arm64'],
  'darwin-arm64': ['darwin', 'arm64'],
  'win32-x64': ['win32', 'x64'],
  'win32-arm64': ['win32', 'arm64'],
};
const SHIPPED = ['bin', 'media', 'l10n', 'dist/client', 'dist/server', 'dist/webviews', 'server/embedded'];
const FILES = [
  'package.json',
  'package-lock.json',
  'package.nls.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  '.npmrc',
];

/** @returns {{ os: string, cpu: string }} */
export function platformOf(target) {
  if (!(target in TARGETS))
    throw new Error(
      `--target is "${target}", expected one of ${Object.keys(TARGETS).join(', ')}: onnxruntime or LanceDB have no files for others`,
    );
  const [os, cpu] = TARGETS[target];
  return { os, cpu };
}

/** Fills an empty folder. Our own addon is left out: only its processor can build it, and WebAssembly does the work there. */
export function fillWithPlatform(folder, { os, cpu }) {
  for (const name of [...SHIPPED, ...FILES, 'server/compute/wasm'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  execFileSync(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    ['ci', '--omit=dev', '--ignore-scripts', `--os=${os}`, `--cpu=${cpu}`, '--libc=glibc'],
    { cwd: folder, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' },
  );
}
