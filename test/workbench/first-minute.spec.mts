import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, type Workbench } from './workbench.mts';

test.use({ server: {} });
test.describe.configure({ mode: 'serial' });

const LONG = { timeout: 60_000 };
const SAMPLE_LINE = 'Light from a distant quasar';
const STEPS = ['Mark a rare concept', 'Retrieve similar text', 'Understand and compare', 'Where things are'];
const GET_STARTED = 'SSAE Studio: Get Started';

test('in an empty window the walkthrough leads to a sample text whose features are seen', async ({ workbench }) => {
  await workbench.open(workbench.server.emptyUrl);
  await workbench.run(GET_STARTED);
  const guide = workbench.page.locator('.gettingStartedContainer');
  await expect(guide).toContainText('See what a model noticed');
  for (const step of STEPS) await expect(guide).toContainText(step);
  await workbench.screenshot('walkthrough');
  await guide.getByRole('button', { name: 'Open a Sample Text' }).click();
  await expect(workbench.line(SAMPLE_LINE)).toBeVisible();
  await expect.poll(async () => (await workbench.backgrounds()).length, LONG).toBeGreaterThan(3);
  await workbench.screenshot('sample-text');
});

test('the steps of the walkthrough have their pictures', async ({ workbench }) => {
  await workbench.run(GET_STARTED);
  for (const step of STEPS) {
    await workbench.page.locator('.getting-started-step', { hasText: step }).click();
    await workbench.page.waitForTimeout(1000); // Of the picture nothing can be waited for: it is in a frame of its own.
    await workbench.screenshot(`walkthrough-${step.split(' ').at(-1)!}`);
  }
});

test('views that are empty say what to do next', async ({ workbench }) => {
  await workbench.run('SSAE Studio: Focus on Seed Sets View');
  const sidebar = workbench.page.locator('.part.sidebar');
  await expect(sidebar.getByRole('button', { name: 'Open Folder' })).toBeVisible();
  await expect(sidebar.getByRole('button', { name: 'Add Built-in Sample Corpus' })).toBeVisible(LONG);
  await workbench.screenshot('views-empty');
});

interface Seed {
  readonly text: string;
  readonly from: { readonly file: string } | null;
}

function seedsOf(folder: string, name: string): Seed[] {
  const lines = readFileSync(join(folder, '.ssae', 'seeds', `${name}.jsonl`), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Seed);
}

async function addLine(workbench: Workbench, file: string, line: string): Promise<void> {
  await workbench.openFile(file);
  await workbench.select(line, line.split(' ')[0]!, line.split(' ').at(-1)!);
  await workbench.run('SSAE Studio: Add Selection to Seed Set…', { wait: false });
}

test('in a workspace of two folders a set lies in the folder of its first text and may hold texts of both', async ({
  workbench,
}) => {
  const { server, page } = workbench;
  const [one, two] = [join(server.work, 'one'), join(server.work, 'two')] as const;
  for (const folder of [one, two]) mkdirSync(folder);
  writeFileSync(join(one, 'first.txt'), 'Heat flows downhill\n');
  writeFileSync(join(two, 'second.txt'), 'Disorder grows slowly\n');
  const file = join(server.work, 'both.code-workspace');
  writeFileSync(file, JSON.stringify({ folders: [{ path: one }, { path: two }] }));
  await workbench.open(server.url([], file));

  await addLine(workbench, 'second.txt', 'Disorder grows slowly');
  await workbench.quickInput.fill('entropy');
  await page.keyboard.press('Enter');
  await expect(workbench.toast('Added 1 seed to entropy.')).toBeVisible();
  expect(seedsOf(two, 'entropy')).toMatchObject([{ text: 'Disorder grows slowly', from: { file: 'second.txt' } }]);

  await addLine(workbench, 'first.txt', 'Heat flows downhill');
  await expect(workbench.quick).toContainText('1 seed · two');
  await page.keyboard.press('Enter');
  await expect.poll(() => seedsOf(two, 'entropy').length).toBe(2);
  expect(seedsOf(two, 'entropy')[1]!.from!.file).toMatch(/^file:.*\/one\/first\.txt$/);
  await workbench.run('SSAE Studio: Focus on Seed Sets View');
  await expect(workbench.entry(/^entropy/)).toContainText('two');
});
