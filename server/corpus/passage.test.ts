import { describe, expect, it } from 'vitest';
import { documentKey, passageId } from './passage.ts';

const place = { source: '/home/a/papers/abstracts.jsonl', document: '7', start: 0, end: 12 };
const line = null;

describe('a passage', () => {
  it('is the same wherever the folder lies, on every platform', () => {
    for (const source of ['/elsewhere/abstracts.jsonl', 'C:\\papers\\abstracts.jsonl', 'abstracts.jsonl']) {
      expect(passageId({ ...place, source }, 'Dark matter.')).toBe(passageId(place, 'Dark matter.'));
      expect(documentKey({ ...place, source, line })).toBe(documentKey({ ...place, line }));
    }
  });

  it('is another one in another file, document or place, or with another text', () => {
    const id = passageId(place, 'Dark matter.');
    expect(passageId({ ...place, source: '/home/a/papers/titles.jsonl' }, 'Dark matter.')).not.toBe(id);
    expect(passageId({ ...place, document: '8' }, 'Dark matter.')).not.toBe(id);
    expect(passageId({ ...place, start: 1 }, 'Dark matter.')).not.toBe(id);
    expect(passageId(place, 'Dark matter!')).not.toBe(id);
  });
});
