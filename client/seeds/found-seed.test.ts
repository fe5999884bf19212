import { describe, expect, it } from 'vitest';
import { type FoundSeed, lineOf } from './found-seed.ts';

type Uri = NonNullable<FoundSeed['from']>['uri'];

function uri(path: string, authority = ''): Uri {
  return { scheme: 'file', authority, path, toString: () => `file://${authority}${path}` } as unknown as Uri;
}

const seed = (at: Uri): FoundSeed => ({ text: 'bent light', from: { uri: at, start: 3, end: 13 } });

describe('the place of a seed', () => {
  it('is relative to the folder of the set that it goes to', () => {
    const line = lineOf(seed(uri('/work/one/papers/a.jsonl')), uri('/work/one'));
    expect(line).toEqual({ text: 'bent light', from: { file: 'papers/a.jsonl', start: 3, end: 13 } });
  });

  it('is a whole address where the set lies in another folder, even one whose name begins alike', () => {
    const found = seed(uri('/work/one/a.jsonl'));
    expect(lineOf(found, uri('/work/two')).from?.file).toBe('file:///work/one/a.jsonl');
    expect(lineOf(found, uri('/work/on')).from?.file).toBe('file:///work/one/a.jsonl');
    expect(lineOf(found, uri('/work/one', 'host')).from?.file).toBe('file:///work/one/a.jsonl');
  });

  it('is none for text that cannot be found again', () => {
    expect(lineOf({ text: 'pasted', from: null }, uri('/work/one'))).toEqual({ text: 'pasted', from: null });
  });
});
