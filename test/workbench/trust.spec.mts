import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './workbench.mts';

test.use({ server: { restricted: true } });

test('a folder that is not trusted is highlighted with the user’s dictionary, not with the one it names', async ({
  workbench,
}) => {
  const { server } = workbench;
  const folder = join(server.folder, '.ssae', 'seeds');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'theirs.jsonl'), '{"text":"[link](command:ssae.restartDaemon)","from":null}\n');
  server.setSettings({ 'ssae.dictionary': '/tmp/theirs', 'ssae.hover.features': 3 });
  await workbench.reload();
  await expect(workbench.page.locator('.statusbar-item', { hasText: 'Restricted Mode' })).toBeVisible();
  await workbench.openFile('physics.txt');
  await workbench.run('SSAE Studio: Toggle Feature Highlights');
  await expect.poll(async () => (await workbench.backgrounds()).length, { timeout: 60_000 }).toBeGreaterThan(3);
  await expect(workbench.status('builtin-gsae ·')).toBeVisible();
  await expect(workbench.status('/tmp/theirs')).toHaveCount(0);
  await workbench.run('SSAE Studio: Focus on Seed Sets View');
  await expect(workbench.entry(/^theirs/)).toContainText('1 seed');
  await workbench.screenshot('restricted-mode');
});
