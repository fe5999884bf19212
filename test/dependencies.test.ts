import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';

/** Layers of server/, lowest first: a folder imports from its own layer's folder and from lower layers only. */
const LAYERS = [
  ['protocol', 'foundation', 'text'],
  ['compute', 'embedded'],
  ['model', 'sae', 'corpus'],
  ['inspect', 'evaluate', 'train', 'retrieve'],
  ['services'],
  ['daemon'],
  ['lsp'],
  ['cli'],
];
/** Folders above a layer that may also use a neighbour of their own layer, and why. */
const NEIGHBOURS: Readonly<Record<string, readonly string[]>> = {
  foundation: [],
  // Pure functions over text that the editor, the language server and the services share.
  text: [],
  // Clients import the protocol only; it names errors and the home folder as everybody does.
  protocol: ['foundation'],
};

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(packageRoot, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, target]) =>
    relative(packageRoot, resolve(packageRoot, dirname(file), target!)),
  );
}

const layerOf = (folder: string): number => LAYERS.findIndex((layer) => layer.includes(folder));

function mayImport(from: string, to: string): boolean {
  const [fromTop, fromFolder] = from.split(sep) as [string, string];
  const [toTop, toFolder] = to.split(sep) as [string, string];
  if (fromTop === 'client' || fromTop === 'webviews')
    return toTop === fromTop || (toTop === 'server' && ['protocol', 'text'].includes(toFolder));
  if (toTop === 'bench') return fromFolder === 'cli'; // `ssae bench` runs the benchmarks
  if (toTop !== 'server') return false;
  if (fromFolder.endsWith('.ts')) return true; // server/cli.ts and server/main.ts stand above all folders
  if (fromFolder === toFolder) return true;
  return layerOf(toFolder) < layerOf(fromFolder) || (NEIGHBOURS[fromFolder] ?? []).includes(toFolder);
}

describe('dependencies between folders', () => {
  it('point one way', () => {
    const files = ['server', 'client', 'webviews'].flatMap(sourcesBelow).filter((file) => !file.includes('.test.'));
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => !mayImport(file, target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(files.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });

  it('leave no folder of server/ outside the layers', () => {
    const folders = readdirSync(join(packageRoot, 'server'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(folders.filter((folder) => layerOf(folder) < 0)).toEqual([]);
  });
});
