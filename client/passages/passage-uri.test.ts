import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addressOf, shownAt, type Shown } from './passage-uri.ts';

it('an address says all that its document shows', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
  const shown: fc.Arbitrary<Shown> = fc.oneof(
    fc.record({
      kind: fc.constant('corpus' as const),
      ...{ corpus: name, page: fc.integer({ min: 1, max: 999_999_999 }) },
      query: fc.option(fc.string({ minLength: 1, unit: 'grapheme' }), { nil: null }),
    }),
    fc.record({ kind: fc.constant('selection' as const), selection: name }),
    fc.record({ kind: fc.constant('comparison' as const), selection: name, against: name }),
    fc.record({ kind: fc.constant('evaluation' as const), job: name }),
  );
  fc.assert(
    fc.property(shown, (each) => {
      expect(shownAt(addressOf(each))).toEqual(each);
    }),
  );
});

it.each([
  ['file', '/corpus/c/page-1.txt'],
  ['ssae', '/corpus/../c/page-1.txt'],
  ['ssae', '/corpus/c/page-0.txt'],
  ['ssae', '/corpus/c/page-1.txt/x'],
  ['ssae', '/selection/.txt'],
  ['ssae', '/something/c.txt'],
])('%s:%s is no address of ours', (scheme, path) => {
  expect(shownAt({ scheme, path, query: '' })).toBe(null);
});
