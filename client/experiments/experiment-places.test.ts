import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../server/services/experiment/experiment-file.ts';
import { placeProblems } from './experiment-places.ts';
import { experimentReferences } from './experiment-references.ts';

const written = {
  corpora: { 'my.texts': { sources: ['texts/*.txt', 'missing.txt'] } },
  corpus: 'my.texts',
  seeds: {
    physics: { files: ['./seeds.txt', 'notes.md:3-4'], stored: 'old' },
    more: { stored: '.ssae/seeds/a.jsonl' },
  },
  arms: ['bm25'],
  dictionary: 'physics-ssae',
  evaluation: { domain: { corpus: 'held-out' } },
};
const textOf = (value: unknown): string => JSON.stringify(value, null, 2);

/** The text at each problem. */
const shown = (value: unknown, message: string): string[] =>
  placeProblems(textOf(value), message).map(({ start, end }) => textOf(value).slice(start, end));

function refusal(value: unknown): string {
  try {
    parseExperiment(value, '/home/somebody/a.ssae.json');
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the experiment was taken');
}

describe('what the daemon says about an experiment', () => {
  it('stands at the values that break the schema, one for each sentence', () => {
    const wrong = { ...written, arms: ['bm26'], training: { batch: 0, tokns: 5 }, selection: { tokens: 'many' } };
    expect(shown(wrong, refusal(wrong)).sort()).toEqual(['"bm26"', '"many"', '"tokns"', '0'].sort());
  });

  it('stands at a name with dots in it, and around a key that is missing', () => {
    const wrong = { ...written, corpora: { 'my.texts': { sources: [] } }, evaluation: {} };
    expect(shown(wrong, refusal(wrong))).toEqual(['[]', '{}']);
  });

  it('stands at the value that is quoted, not at another of the same argument', () => {
    expect(shown(written, 'corpus is "held-out", which does not exist; there are none yet')).toEqual(['"held-out"']);
    expect(shown(written, 'corpus is "my.texts", which is not finished')).toEqual(['"my.texts"']);
  });

  it('stands at a path that is given in full', () => {
    expect(shown(written, 'a file of seeds is "/home/somebody/seeds.txt", which cannot be read: ENOENT')).toEqual([
      '"./seeds.txt"',
    ]);
    expect(shown(written, 'the source "/home/somebody/missing.txt" does not exist')).toEqual(['"missing.txt"']);
  });

  it('stands at the start where it names no place', () => {
    expect(shown(written, 'the disk is full')).toEqual(['{']);
    expect(placeProblems('', 'the disk is full')).toEqual([{ message: 'the disk is full', start: 0, end: 1 }]);
  });
});

describe('names in an experiment', () => {
  it('are what the daemon must know and what must be there, without corpora of the file itself', () => {
    const found = experimentReferences(textOf(written));
    expect(found.map(({ kind, name }) => [kind, name])).toEqual([
      ['corpus', 'held-out'],
      ['dictionary', 'physics-ssae'],
      ['seeds', 'old'],
      ['file', '.ssae/seeds/a.jsonl'],
      ['file', './seeds.txt'],
      ['file', 'notes.md:3-4'],
    ]);
    for (const { name, start, end } of found) expect(textOf(written).slice(start, end)).toBe(JSON.stringify(name));
  });

  it('are none where the file is something else', () => {
    for (const text of [
      '',
      '[]',
      '{"corpus": 3, "seeds": [1], "evaluation": null}',
      '{"corpora": 1, "seeds": {"a": 2}}',
    ])
      expect(experimentReferences(text)).toEqual([]);
  });
});
