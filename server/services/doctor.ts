import { release } from 'node:os';
import { engineAvailability } from '../compute/engines.ts';
import { folderBytes } from '../foundation/files.ts';
import type { Home } from '../foundation/home.ts';
import { productVersion } from '../foundation/package-root.ts';
import type { DoctorResult } from '../protocol/results.ts';

/** What a bug report needs first. Sizes in bytes. */
export async function diagnose(home: Home): Promise<DoctorResult> {
  const { models, corpora, dictionaries, selections, cache, jobs } = home;
  const folders = { models, corpora, dictionaries, selections, cache, jobs };
  const sizes = await Promise.all(Object.values(folders).map(folderBytes));
  return {
    ...{ version: productVersion, node: process.version },
    platform: `${process.platform}-${process.arch} ${release()}`,
    engines: await engineAvailability(),
    home: home.folder,
    sizes: Object.fromEntries(Object.keys(folders).map((name, i) => [name, sizes[i]!])),
  };
}
