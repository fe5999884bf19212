import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { daemonOf, finetune, painted, pick, runRow } from './steps.mts';
import { expect, test, Workbench } from './workbench.mts';

const GENERAL = join(import.meta.dirname, '..', 'fixtures', 'end-to-end', 'general.txt');
const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'server', 'cli.js');
const TOGGLE = 'SSAE Studio: Toggle Feature Highlights';
const LONG = { timeout: 60_000 };
/** Of each run: some ten seconds on two cores. */
const TOKENS = 60_000;

test.use({
  server: {
    // The editor's own question about large files is for another test.
    settings: { 'editor.wordWrap': 'on', 'workbench.editorLargeFileConfirmation': 1000 },
    ssae: [
      ['corpus', 'add', 'sky', 'library/astronomy.txt', GENERAL, '--unit', 'paragraph'],
      ['retrieve', '--seeds', 'lensing.jsonl', '--corpus', 'sky', '--arm', 'bm25', '--tokens', '600', '-o', 'lenses'],
    ],
  },
});
test.describe.configure({ mode: 'serial', timeout: 180_000 });

/** Stores a copy of the built-in dictionary that says it reads another model. */
function storeForeign({ server }: Workbench, name: string, change: object): void {
  const folder = join(server.work, name);
  const run = (...words: string[]) =>
    execFileSync(process.execPath, [PROGRAM, '--home', server.home, '--quiet', 'dictionary', ...words]);
  run('export', 'builtin-gsae', '-o', folder);
  const file = join(folder, 'cfg.json');
  const known = JSON.parse(readFileSync(file, 'utf8')) as { metadata: object };
  writeFileSync(file, JSON.stringify({ ...known, metadata: { ...known.metadata, ...change } }));
  run('import', folder, '--as', name);
}

async function useDictionary(workbench: Workbench, name: string): Promise<void> {
  await workbench.run('SSAE Studio: Use Dictionary…', { wait: false });
  await pick(workbench, '', name);
  await expect(workbench.status(name)).toBeVisible(LONG);
}

test('a dictionary made for another model is refused, and the model that it needs is named', async ({ workbench }) => {
  storeForeign(workbench, 'for-pythia', { model_name: 'pythia-70m' });
  storeForeign(workbench, 'older-model', { ssae_model_hash: 'ab'.repeat(32) });
  await workbench.openFile('physics.txt');
  await workbench.run(TOGGLE);
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  await useDictionary(workbench, 'for-pythia');
  await expect(workbench.toast('for-pythia was trained on model pythia-70m, which is not here')).toBeVisible(LONG);
  await expect.poll(() => painted(workbench)).toBe(0);
  await expect(workbench.status('for-pythia')).toHaveAttribute('aria-label', /pythia-70m/);
  await workbench.screenshot('dictionary-of-other-model');
  await useDictionary(workbench, 'older-model');
  await expect(workbench.toast('older-model was trained on model builtin with content abababababab')).toBeVisible(LONG);
  await useDictionary(workbench, 'builtin-gsae');
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  await workbench.run(TOGGLE);
});

/** Weights of a finished run. */
function weightsOf({ server }: Workbench, output: string): Buffer {
  return readFileSync(join(server.home, 'dictionaries', output, 'sae_weights.safetensors'));
}

test('two windows train at once, both finish alike, and each lists both', async ({ workbench }) => {
  const { server, page } = workbench;
  const folder = join(server.work, 'other');
  mkdirSync(folder);
  const other = new Workbench(await page.context().newPage(), server);
  try {
    await other.open(server.url([], folder));
    await finetune(workbench, 'ERM', TOKENS, 'window-one');
    await finetune(other, 'ERM', TOKENS, 'window-two');
    for (const window of [workbench, other])
      for (const output of ['window-one', 'window-two'])
        await expect(runRow(window, output)).toContainText('Done', { timeout: 120_000 });
    for (const window of [workbench, other]) {
      await window.run('SSAE Studio: Focus on Jobs View');
      for (const output of ['window-one', 'window-two'])
        await expect(window.entry(new RegExp(`${output}.*finetune, (?!.*%).*`))).toBeVisible();
    }
    await other.screenshot('two-windows-trained');
    expect(weightsOf(workbench, 'window-two').equals(weightsOf(workbench, 'window-one'))).toBe(true);
  } finally {
    await other.page.close();
  }
});

/** Seconds that the training panel says are left of a run; null where it says nothing. */
async function secondsLeft(workbench: Workbench, output: string): Promise<number | null> {
  const text = (await runRow(workbench, output).locator('td.number').nth(1).textContent()) ?? '';
  const [, hours, minutes, seconds] = /^(?:(\d+)\sh )?(?:(\d+)\smin)?(?:(\d+)\ss)?/.exec(text) ?? [];
  const sum = 3600 * Number(hours ?? 0) + 60 * Number(minutes ?? 0) + Number(seconds ?? 0);
  return /\d/.test(text) ? sum : null;
}

test('a machine that was suspended goes on where it was: nothing false is told, the result is the same', async ({
  workbench,
}) => {
  const { server } = workbench;
  await finetune(workbench, 'ERM', TOKENS, 'suspended');
  await expect.poll(() => secondsLeft(workbench, 'suspended'), LONG).not.toBeNull();
  const daemon = daemonOf(workbench);
  process.kill(daemon, 'SIGSTOP');
  try {
    writeFileSync(join(server.folder, 'asleep.txt'), 'Light is bent by the mass of a distant galaxy.\n'.repeat(5));
    await workbench.openFile('asleep.txt');
    await workbench.run(TOGGLE);
    await sleep(8000);
    await workbench.screenshot('machine-suspended');
  } finally {
    process.kill(daemon, 'SIGCONT');
  }
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  await workbench.run(TOGGLE);
  await workbench.run('SSAE Studio: Show Training');
  const left = await secondsLeft(workbench, 'suspended');
  if (left !== null) expect(left).toBeLessThan(60);
  await expect(runRow(workbench, 'suspended')).toContainText('Done', { timeout: 120_000 });
  expect(daemonOf(workbench)).toBe(daemon);
  await expect(workbench.toast(/daemon|lost|failed/i)).toHaveCount(0);
  expect(weightsOf(workbench, 'suspended').equals(weightsOf(workbench, 'window-one'))).toBe(true);
});

/** A file of lines, so many bytes long. */
function writeLarge({ server }: Workbench, name: string, bytes: number): void {
  const line = 'Light is bent by the mass of a distant galaxy, and a telescope sees its arcs.\n';
  writeFileSync(join(server.folder, name), line.repeat(Math.ceil(bytes / line.length)));
}

for (const megabytes of [6, 49])
  test(`a file of ${megabytes} MB is asked about first, and other text is read meanwhile`, async ({ workbench }) => {
    const name = `large-${megabytes}.txt`;
    writeLarge(workbench, name, megabytes * 1e6);
    await workbench.openFile('physics.txt');
    await workbench.run(TOGGLE);
    await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
    await workbench.openFile(name);
    const question = workbench.toast(`${name} has ${megabytes},`);
    await expect(question).toBeVisible(LONG);
    await expect.poll(() => painted(workbench)).toBe(0);
    const started = performance.now();
    writeFileSync(
      join(workbench.server.folder, `beside-${megabytes}.txt`),
      'Light is bent by the mass of a distant galaxy.\n'.repeat(9),
    );
    await workbench.openFile(`beside-${megabytes}.txt`);
    await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
    expect(performance.now() - started).toBeLessThan(15_000);
    await workbench.openFile(name);
    await workbench.screenshot(`large-file-${megabytes}`);
    if (megabytes === 6) {
      await question.getByRole('button', { name: 'Highlight' }).click();
      await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
    }
    await workbench.run(TOGGLE);
  });

test('a binary file is neither read nor painted', async ({ workbench }) => {
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 256));
  writeFileSync(join(workbench.server.folder, 'weights.bin'), bytes);
  await workbench.openFile('physics.txt');
  await workbench.run(TOGGLE);
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  await workbench.page.keyboard.press('Control+P');
  await workbench.quickInput.fill('weights.bin');
  await workbench.row('weights.bin').waitFor();
  await workbench.page.keyboard.press('Enter');
  await expect(workbench.page.getByText('it is either binary')).toBeVisible(LONG);
  await workbench.screenshot('binary-file');
  expect(await painted(workbench)).toBe(0);
  await expect(workbench.page.locator('.notification-toast')).toHaveCount(0);
  await workbench.run(TOGGLE);
});
