import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Home } from '../foundation/home.ts';
import { shippedFile } from '../foundation/package-root.ts';
import { DictionaryStore } from './dictionary-store.ts';

it('reads a dictionary once, and again when one of its files changed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ssae-store-'));
  try {
    const store = new DictionaryStore(new Home(folder));
    await cp(shippedFile('server', 'embedded', 'dictionaries', 'builtin-gsae'), join(folder, 'one'), {
      recursive: true,
    });
    const first = await store.load(join(folder, 'one'));
    expect(await store.load(join(folder, 'one'))).toBe(first);
    await writeFile(join(folder, 'one', 'labels.json'), '{"7": "quarks"}');
    expect((await store.load(join(folder, 'one'))).labels.get(7)).toBe('quarks');
  } finally {
    await rm(folder, { recursive: true });
  }
});
