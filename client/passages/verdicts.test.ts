import { expect, it } from 'vitest';
import { countChanges, toggled, verdictOn, type Verdicts } from './verdicts.ts';

const none: Verdicts = { pinned: [], struck: [] };

it('a verdict is given, replaced by the other, and taken back', () => {
  const pinned = toggled(toggled(none, 'a', 'pinned'), 'b', 'pinned');
  expect(pinned).toEqual({ pinned: ['a', 'b'], struck: [] });
  const replaced = toggled(pinned, 'a', 'struck');
  expect(replaced).toEqual({ pinned: ['b'], struck: ['a'] });
  expect(toggled(replaced, 'a', 'struck')).toEqual({ pinned: ['b'], struck: [] });
  expect(['a', 'b', 'c'].map((id) => verdictOn(replaced, id))).toEqual(['struck', 'pinned', null]);
});

it('changes are counted by passage', () => {
  const before: Verdicts = { pinned: ['a', 'b'], struck: ['c'] };
  expect(countChanges(before, before)).toBe(0);
  expect(countChanges(before, { pinned: ['b', 'd'], struck: ['a'] })).toBe(3);
});
