import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './workbench.mts';

test.use({ server: {} });

test('a record goes into a set of another folder with the whole address of its file', async ({ workbench }) => {
  const { server, page } = workbench;
  const [one, two] = [join(server.work, 'first'), join(server.work, 'second')] as const;
  const seeds = join(two, '.ssae', 'seeds');
  for (const folder of [one, seeds]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(one, 'records.jsonl'), '{"text": "Heat flows from hot to cold."}\n');
  writeFileSync(join(seeds, 'entropy.jsonl'), '{"text":"Disorder grows.","from":null}\n');
  const file = join(server.work, 'folders.code-workspace');
  writeFileSync(file, JSON.stringify({ folders: [{ path: one }, { path: two }] }));
  await workbench.open(server.url([], file));

  await workbench.openFile('records.jsonl');
  await workbench.run('SSAE Studio: Toggle Feature Highlights');
  await page.locator('.codelens-decoration a', { hasText: 'Add as Seed' }).click({ timeout: 60_000 });
  await expect(workbench.quick).toContainText('1 seed · second');
  await page.keyboard.press('Enter');
  await expect(workbench.toast('Added 1 seed to entropy.')).toBeVisible();
  const lines = readFileSync(join(seeds, 'entropy.jsonl'), 'utf8').trim().split('\n');
  const { text, from } = JSON.parse(lines[1]!) as { text: string; from: { file: string } };
  expect(text).toBe('Heat flows from hot to cold.');
  expect(from.file).toMatch(/^file:.*\/first\/records\.jsonl$/);
});
