import { describe, expect, it, vi } from 'vitest';

class EventEmitter<Value> {
  readonly #listeners: ((value: Value) => void)[] = [];
  readonly event = (listener: (value: Value) => void): void => void this.#listeners.push(listener);
  fire(value: Value): void {
    for (const listener of this.#listeners) listener(value);
  }
}
vi.mock('vscode', () => ({ EventEmitter }));

const { Bookmarks } = await import('./bookmarks.ts');

function memory(stored?: unknown): ConstructorParameters<typeof Bookmarks>[0] {
  const values = new Map<string, unknown>([['ssae.bookmarks', stored]]);
  return {
    keys: () => [...values.keys()],
    get: (key: string) => values.get(key),
    update: (key: string, value: unknown) => {
      values.set(key, value);
      return Promise.resolve();
    },
  } as ConstructorParameters<typeof Bookmarks>[0];
}

describe('bookmarks', () => {
  it('are kept newest first, once each, and tell of changes', async () => {
    const bookmarks = new Bookmarks(memory());
    const told: number[] = [];
    bookmarks.onDidChange(({ feature }) => told.push(feature));
    for (const feature of [1, 2, 1]) await bookmarks.set({ dictionary: 'd', feature }, true);
    expect(bookmarks.all.map(({ feature }) => feature)).toEqual([1, 2]);
    await bookmarks.set({ dictionary: 'd', feature: 1 }, false);
    expect([bookmarks.has({ dictionary: 'd', feature: 1 }), bookmarks.has({ dictionary: 'd', feature: 2 })]).toEqual([
      ...[false, true],
    ]);
    expect(bookmarks.has({ dictionary: 'other', feature: 2 })).toBe(false);
    expect(told).toEqual([1, 2, 1, 1]);
  });

  it('that another version wrote otherwise are passed over', () => {
    expect(new Bookmarks(memory('x')).all).toEqual([]);
    expect(new Bookmarks(memory([{ dictionary: 'd', feature: 4 }, { feature: 'x' }, null])).all).toHaveLength(1);
  });
});
