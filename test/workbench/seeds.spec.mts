import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, middle, test, THEMES, type Workbench } from './workbench.mts';

const ADD = 'SSAE Studio: Add Selection to Seed Set…';
const [QUARK, TELESCOPE, SHIP] = ['The quark is', 'A telescope gathers', 'The ship left'];

test.use({ server: {} });
test.describe.configure({ mode: 'serial' });

interface Seed {
  readonly text: string;
  readonly from: { readonly file: string; readonly start: number; readonly end: number } | null;
}

function seedFile({ server }: Workbench, name: string): string {
  return join(server.folder, '.ssae', 'seeds', `${name}.jsonl`);
}

function seedsOf(workbench: Workbench, name: string): Seed[] {
  const path = seedFile(workbench, name);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Seed);
}

const textsOf = (workbench: Workbench, name: string): string[] => seedsOf(workbench, name).map(({ text }) => text);

async function showSeeds(workbench: Workbench): Promise<void> {
  await workbench.run('SSAE Studio: Focus on Seed Sets View');
}

test('selected text goes into a new set by the palette: its name is asked, a wrong one refused', async ({
  workbench,
}) => {
  await workbench.openFile('notes.txt');
  await workbench.select(QUARK, 'The', 'proton.');
  await workbench.run(ADD, { wait: false });
  await expect(workbench.quick).toContainText('New Seed Set');
  await workbench.quickInput.fill('no name/');
  await expect(workbench.quick).toContainText('Letters, digits');
  await workbench.quickInput.fill('physics');
  await workbench.page.keyboard.press('Enter');
  await expect(workbench.toast('Added 1 seed to physics.')).toBeVisible();
  await showSeeds(workbench);
  await expect(workbench.entry(/^physics/)).toContainText('1 seed');
  expect(seedsOf(workbench, 'physics')).toEqual([
    { text: 'The quark is bound by gluons inside the proton.', from: { file: 'notes.txt', start: 0, end: 47 } },
  ]);
});

test('two selections become two seeds by the keyboard', async ({ workbench }) => {
  const { page } = workbench;
  await workbench.openFile('notes.txt');
  await workbench.select(TELESCOPE, 'A', 'galaxies,');
  await workbench.select(SHIP, 'The', 'dawn', { more: true });
  await page.keyboard.press('Control+Alt+s');
  await workbench.row('physics').waitFor();
  await page.keyboard.press('Enter');
  await expect(workbench.toast('Added 2 seeds to physics.')).toBeVisible();
  await showSeeds(workbench);
  await expect(workbench.entry(/^physics/)).toContainText('3 seeds');
  await workbench.entry(/^physics/).click();
  await expect(workbench.entry(/^The ship left the harbour at dawn/)).toContainText('notes.txt');
  for (const theme of Object.keys(THEMES) as (keyof typeof THEMES)[]) {
    await workbench.theme(theme);
    await workbench.screenshot(`seeds-${theme}`);
  }
});

test('the context menu of the editor adds, and the notification takes it back', async ({ workbench }) => {
  await workbench.openFile('notes.txt');
  await workbench.select('The committee', 'committee', 'budget');
  await workbench.page.mouse.click(...middle(await workbench.word('The committee', 'vote')), { button: 'right' });
  await workbench.choose('Add Selection to Seed Set…');
  await workbench.row('physics').waitFor();
  await workbench.page.keyboard.press('Enter');
  const told = workbench.toast('Added 1 seed to physics.');
  await expect(told).toBeVisible();
  expect(textsOf(workbench, 'physics')).toContain('committee will vote on the budget');
  await told.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => textsOf(workbench, 'physics')).not.toContain('committee will vote on the budget');
});

test('text that is edited above a seed moves the seed in its file', async ({ workbench }) => {
  const { page } = workbench;
  await workbench.openFile('notes.txt');
  const before = seedsOf(workbench, 'physics').map(({ from }) => from!.start);
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('Eight. ');
  await page.keyboard.press('Control+s');
  await expect
    .poll(() => seedsOf(workbench, 'physics').map(({ from }) => from!.start))
    .toEqual(before.map((start) => start + 7));
  const text = readFileSync(join(workbench.server.folder, 'notes.txt'), 'utf8');
  for (const seed of seedsOf(workbench, 'physics'))
    expect(text.slice(seed.from!.start, seed.from!.end)).toBe(seed.text);
});

test('a seed is shown in its file, removed, and brought back by the command', async ({ workbench }) => {
  const { page } = workbench;
  await showSeeds(workbench);
  const seed = workbench.entry(/^The ship left the harbour at dawn/);
  await seed.click();
  await expect(workbench.editor('notes.txt')).toBeVisible();
  await expect(workbench.status(/Ln 4, Col 34 \(33 selected\)/)).toBeVisible();
  await seed.hover();
  await seed.getByRole('button', { name: 'Remove Seed' }).click();
  await expect(seed).toHaveCount(0);
  expect(seedsOf(workbench, 'physics')).toHaveLength(2);
  await workbench.run('SSAE Studio: Undo Last Seed Change');
  await expect(seed).toBeVisible();
  expect(seedsOf(workbench, 'physics')).toHaveLength(3);
  await expect(page.getByText('Undone: Remove from physics')).toBeVisible();
});

test('a set is renamed, deleted inline, and brought back', async ({ workbench }) => {
  const { page } = workbench;
  await showSeeds(workbench);
  await workbench.entry(/^physics/).click({ button: 'right' });
  await workbench.choose('Rename…');
  await expect(workbench.quick).toContainText('Rename Seed Set');
  await workbench.quickInput.fill('matter');
  await page.keyboard.press('Enter');
  await expect(workbench.entry(/^matter/)).toContainText('3 seeds');
  await expect(workbench.entry(/^physics/)).toHaveCount(0);
  expect(existsSync(seedFile(workbench, 'physics'))).toBe(false);
  await workbench.entry(/^matter/).hover();
  await workbench
    .entry(/^matter/)
    .getByRole('button', { name: 'Delete Seed Set' })
    .click();
  await expect(workbench.entry(/^matter/)).toHaveCount(0);
  expect(existsSync(seedFile(workbench, 'matter'))).toBe(false);
  await workbench.toast('Delete matter').getByRole('button', { name: 'Undo' }).click();
  await expect(workbench.entry(/^matter/)).toContainText('3 seeds');
});

test('the hover of a token makes a seed of its sentence', async ({ workbench }) => {
  await workbench.openFile('physics.txt');
  await workbench.run('SSAE Studio: Toggle Feature Highlights');
  await expect.poll(async () => (await workbench.backgrounds()).length, { timeout: 30_000 }).toBeGreaterThan(3);
  const hover = await workbench.hover('Light from', 'telescope', 'Seed from this');
  await workbench.screenshot('seeds-hover');
  await hover.getByText('Seed from this').click();
  await workbench.row('matter').waitFor();
  await workbench.page.keyboard.press('Enter');
  await expect(workbench.toast('Added 1 seed to matter.')).toBeVisible();
  expect(textsOf(workbench, 'matter')).toContain(
    'The telescope then sees two images of one quasar, or four, or a ring.',
  );
  await workbench.run('SSAE Studio: Toggle Feature Highlights');
});

test('a file that is deleted leaves its seeds with their text, and marked', async ({ workbench }) => {
  const { page } = workbench;
  await workbench.reload(); // The editor keeps what it has read of a file for a while.
  await showSeeds(workbench);
  const [set, seed] = [workbench.entry(/^matter/), workbench.entry(/^The ship left the harbour/)];
  if ((await set.getAttribute('aria-expanded')) === 'false') await set.click();
  await expect(seed).toContainText('notes.txt');
  await workbench.run('View: Show Explorer');
  await workbench.entry(/^notes.txt/).click({ button: 'right' });
  await workbench.choose('Delete Permanently');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => existsSync(join(workbench.server.folder, 'notes.txt'))).toBe(false);
  await showSeeds(workbench);
  await expect(seed).toContainText('notes.txt (deleted)');
  await expect(workbench.entry(/^The telescope then/)).not.toContainText('deleted');
  await workbench.screenshot('seeds-deleted-file');
  await seed.click();
  await expect(workbench.toast('the seed is kept with its text in matter')).toBeVisible();
  expect(seedsOf(workbench, 'matter')).toHaveLength(4);
});
