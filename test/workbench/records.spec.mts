import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './workbench.mts';

test.use({ server: {} });

const TOGGLE = 'SSAE Studio: Toggle Feature Highlights';

test('records of a corpus file show what their text is told by, and become seeds where they lie', async ({
  workbench,
}) => {
  await workbench.openFile('abstracts.jsonl');
  await workbench.run(TOGGLE);
  const lens = (text: string | RegExp) => workbench.page.locator('.codelens-decoration a', { hasText: text });
  await expect(lens(/^#\d+ .* · #\d+/).first()).toBeVisible({ timeout: 60_000 });
  await expect(lens('Add as Seed')).toHaveCount(3);
  await workbench.screenshot('records');
  await lens('Add as Seed').first().click();
  await workbench.quickInput.fill('lensing');
  await workbench.page.keyboard.press('Enter');
  await expect(workbench.toast('Added 1 seed to lensing.')).toBeVisible();
  const file = join(workbench.server.folder, '.ssae', 'seeds', 'lensing.jsonl');
  const seed = JSON.parse(readFileSync(file, 'utf8')) as { text: string; from: { file: string } };
  expect(seed.text).toBe('Light of distant galaxies is bent by the "mass" of a nearer one.');
  expect(seed.from.file).toBe('abstracts.jsonl');
  await lens(/^#\d+/).first().click();
  await expect(workbench.webview().getByRole('heading', { level: 1 })).toBeVisible({ timeout: 30_000 });
});
