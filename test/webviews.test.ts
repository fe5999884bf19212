/** The editor's webviews as they are built and as the extension speaks to them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';

const MAX_BUNDLE_BYTES = 150 * 1024;
const bundles = join(packageRoot, 'dist', 'webviews');
const built = readdirSync(bundles).filter((name) => name.endsWith('.js'));

/** English forms that the sources of these webviews ask translations for. */
function wordsAsked(...webviews: string[]): Set<string> {
  const sources = webviews.flatMap((name) => {
    const folder = join(packageRoot, 'webviews', name);
    return readdirSync(folder)
      .filter((file) => /\.tsx?$/.test(file) && !file.includes('.test.'))
      .map((file) => readFileSync(join(folder, file), 'utf8'));
  });
  return new Set(
    sources.flatMap((text) => [...text.matchAll(/\bt\(\s*'((?:[^'\\]|\\.)*)'/g)].map(([, words]) => words!)),
  );
}

describe('webviews', () => {
  it('are the report and the two panels', () => {
    expect(built).toEqual(['feature.js', 'report.js', 'training.js']);
  });

  it.each(built)('are small: %s', (name) => {
    expect(statSync(join(bundles, name)).size).toBeLessThanOrEqual(MAX_BUNDLE_BYTES);
  });

  it.each(['feature', 'training'])('have every word translated by the extension, and no others: %s', (name) => {
    const table = readFileSync(join(packageRoot, 'client', 'panels', `${name}-words.ts`), 'utf8');
    const given = [...table.matchAll(/l10n\.t\(\s*'((?:[^'\\]|\\.)*)',?\s*\)/g)].map(([, words]) => words!);
    const keys = [...table.matchAll(/^ {4}(?:'((?:[^'\\]|\\.)*)'|(\w+)):/gm)].map(
      ([, quoted, bare]) => quoted ?? bare!,
    );
    expect(keys).toEqual(given);
    expect(new Set(given)).toEqual(wordsAsked(name, 'kit'));
  });
});
