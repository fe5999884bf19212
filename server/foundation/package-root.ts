import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WorkError } from './errors.ts';

function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'server'))) return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new WorkError(`the installation is damaged: no package.json above ${import.meta.url}`);
    folder = parent;
  }
}

/** The folder that holds package.json: the clone, or the installed extension. The same from sources and from bundles. */
export const packageRoot: string = findPackageRoot();

/** A file that ships with the product, by its path below the package's root. */
export function shippedFile(...parts: string[]): string {
  return join(packageRoot, ...parts);
}

/** The bundle of a worker thread: `server/NAME.worker.ts`'s build. */
export function workerBundle(name: string): string {
  return shippedFile('dist', 'server', `${name}.worker.js`);
}

export const productVersion: string = (
  JSON.parse(readFileSync(shippedFile('package.json'), 'utf8')) as { version: string }
).version;
