import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { unknownName, UsageError } from '../foundation/errors.ts';
import { sampleCorpora, type SampleCorpus } from './sample-corpora.ts';

export type Source =
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'sample'; readonly corpus: SampleCorpus; readonly bytes: number };

const BUILTIN = 'builtin:';

async function filesMatching(pattern: string, cwd: string): Promise<string[]> {
  const posix = process.platform === 'win32' ? pattern.replaceAll('\\', '/') : pattern;
  const options = { cwd, absolute: true, onlyFiles: true, followSymbolicLinks: false, ignore: ['**/node_modules/**'] };
  return (await glob(posix, { ...options, expandDirectories: false })).map((path) => resolve(path)).sort();
}

async function sourcesOf(name: string): Promise<Source[]> {
  if (name.startsWith(BUILTIN)) {
    const corpus = sampleCorpora.find((sample) => sample.name === name.slice(BUILTIN.length));
    if (corpus === undefined)
      throw unknownName(
        'source',
        name,
        sampleCorpora.map((sample) => BUILTIN + sample.name),
      );
    return [{ kind: 'sample', corpus, bytes: corpus.bytes }];
  }
  const found = await stat(name).catch(() => null);
  if (found?.isFile() === true) return [{ kind: 'file', path: resolve(name), bytes: found.size }];
  const isFolder = found?.isDirectory() === true;
  if (!isFolder && !isDynamicPattern(name))
    throw new UsageError(
      `source is "${name}", which is no file, folder or pattern here; expected one that exists, or ${BUILTIN}NAME`,
    );
  const paths = await (isFolder ? filesMatching('**/*', resolve(name)) : filesMatching(name, process.cwd()));
  if (paths.length === 0)
    throw new UsageError(
      `source is "${name}", which ${isFolder ? 'is an empty folder' : 'matches no file'}; expected files to read`,
    );
  return Promise.all(paths.map(async (path) => ({ kind: 'file' as const, path, bytes: (await stat(path)).size })));
}

/**
 * Files, folders (with what is below them; hidden files and node_modules left out), patterns and `builtin:NAME`, as single sources,
 * each once. The order is that of the names, and of paths below a name.
 * @throws UsageError naming a source that does not exist
 */
export async function resolveSources(names: readonly string[]): Promise<Source[]> {
  const unique = new Map<string, Source>();
  for (const name of names)
    for (const source of await sourcesOf(name))
      unique.set(source.kind === 'file' ? source.path : BUILTIN + source.corpus.name, source);
  return [...unique.values()];
}
