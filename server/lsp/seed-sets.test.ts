import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { WorkError } from '../foundation/errors.ts';
import { SeedSets } from './seed-sets.ts';

const workspace = mkdtempSync(join(tmpdir(), 'ssae-seed-sets-'));
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});

const sets = new SeedSets({ request: () => Promise.reject(new WorkError('no daemon is needed')) });
sets.workspace = workspace;

describe('seed sets of a workspace', () => {
  it('take a seed once, with its place relative to the workspace, and keep lines that are no seeds', async () => {
    const place = { start: 1, end: 4 };
    const inside = { text: 'one', from: { file: join(workspace, 'texts', 'a.txt'), ...place } };
    expect(await sets.add('lichens', inside)).toMatchObject({ seeds: 1 });
    const path = join(workspace, '.ssae', 'seeds', 'lichens.jsonl');
    writeFileSync(path, `# by hand\n${readFileSync(path, 'utf8')}`);
    expect(await sets.add('lichens', inside)).toMatchObject({ seeds: 1 });
    const elsewhere = join(workspace, '..', 'b.txt');
    await sets.add('lichens', { text: 'two', from: { file: elsewhere, ...place } });
    const [comment, ...seeds] = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(comment).toBe('# by hand');
    expect(seeds.map((line) => JSON.parse(line) as unknown)).toEqual([
      { text: 'one', from: { file: 'texts/a.txt', ...place } },
      { text: 'two', from: { file: pathToFileURL(elsewhere).href, ...place } },
    ]);
    expect(await sets.names()).toEqual(['lichens']);
  });

  it('refuse names that are paths, and empty seeds', async () => {
    await expect(sets.add('../lichens', { text: 'one', from: null })).rejects.toThrow('cannot be a name');
    await expect(sets.add('lichens', { text: ' \n', from: null })).rejects.toThrow('is empty');
  });
});
