import fc from 'fast-check';
import { expect, it } from 'vitest';
import { asName, selectionName } from './selection-name.ts';

it('a selection is named after its seeds, its corpus and its arm', () => {
  expect(selectionName('Entropie é', 'papers', 'bm25+tracin')).toBe('Entropie-e-papers-bm25-tracin');
  expect(selectionName('…', '', '')).toBe('selection');
});

it('whatever is made a name can be stored', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
      expect(asName(text)).toMatch(/^$|^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
      expect(asName(text)).not.toMatch(/\.$/);
    }),
  );
});
