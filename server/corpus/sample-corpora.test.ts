import { expect, it } from 'vitest';
import type { SourceRecord } from './record.ts';
import { sampleCorpora } from './sample-corpora.ts';

function recordsOf(name: string): SourceRecord[] {
  return [...sampleCorpora.find((corpus) => corpus.name === name)!.records()];
}

it('WordNet has one document a synset, with topics and everything above them', () => {
  const records = recordsOf('wordnet');
  expect(records).toHaveLength(117_791);
  expect(new Set(records.map(({ document }) => document)).size).toBe(records.length);
  const find = (start: string): SourceRecord => records.find(({ text }) => text.startsWith(start))!;
  expect(find('stigmatism: (optics)').fields).toMatchObject({ domain: 'optics', pos: 'noun', lexname: 'noun.state' });
  expect(find('stigmatism: (optics)').fields['domains']!.split('|')).toContain('physics');
  expect(find('optics: the branch of physics').fields['domains']!.split('|')).toContain('physics');
  expect(find('cakewalk: an easy').fields['usage']).toBe('trope');
  expect(find('dog, domestic dog, ').fields).toEqual({ pos: 'noun', lexname: 'noun.animal' });
  const physics = records.filter(({ fields }) => fields['domains']?.split('|').includes('physics'));
  expect(physics).toHaveLength(325);
});

it('State of the Union and Moby-Dick have their documents in order, with labels', () => {
  const addresses = recordsOf('sotu');
  expect(addresses).toHaveLength(233);
  expect(addresses[0]!.fields).toEqual({ year: '1790', president: 'George Washington', party: 'n' });
  const chapters = recordsOf('moby-dick');
  expect(chapters.map(({ document }) => document)).toEqual([
    ...Array.from({ length: 135 }, (_, chapter) => `chapter_${chapter + 1}`),
    ...['epilogue', 'etymology', 'extracts'],
  ]);
});

it('every sample corpus tells how much of its files was read: all of it at the end', () => {
  for (const corpus of sampleCorpora) {
    const { name, bytes } = corpus;
    let read = 0;
    const records = [...corpus.records((more) => (read += more))];
    expect(records.length).toBeGreaterThan(100);
    // Of WordNet the lines of its licence at the top of each file are no records.
    expect([name, read / bytes]).toEqual([name, expect.closeTo(1, name === 'wordnet' ? 3 : 9)]);
    expect(read).toBeLessThanOrEqual(bytes);
  }
});

it('every sample corpus names its package, version and licence', () => {
  for (const { source, version, licence } of sampleCorpora) {
    expect(source).toMatch(/^npm:/);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(licence).not.toBe('');
  }
});
