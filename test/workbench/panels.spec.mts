import { join } from 'node:path';
import { writeSafetensors } from '../../server/foundation/safetensors.ts';
import { DaemonConnection } from '../../server/protocol/connection.ts';
import { ListJobs, StartJob } from '../../server/protocol/messages.ts';
import { IngestRequest, TrainRequest } from '../../server/protocol/requests.ts';
import { synthesise } from '../synthetic-activations.ts';
import { expectAccessible } from './accessibility.mts';
import { logOf, tellExtension } from './steps.mts';
import { expect, test } from './workbench.mts';

test('a feature is found by its number and its page shows logits, neighbours and text as it is typed', async ({
  workbench,
}) => {
  await workbench.run('SSAE Studio: Open Feature…');
  await workbench.quickInput.fill('17');
  await expect(workbench.row('17')).toBeVisible({ timeout: 60_000 });
  await workbench.page.keyboard.press('Enter');
  const page = workbench.webview();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Feature 17', { timeout: 60_000 });
  await expect(page.getByRole('heading', { name: 'Logits' })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator('.similar li').first()).toBeVisible();
  await page
    .getByRole('textbox', { name: 'Try your own text' })
    .fill('The quark is bound by gluons inside the proton.');
  await expect(page.getByText(/Strongest: |It does not fire on this text/)).toBeVisible({ timeout: 60_000 });
  await expectAccessible(await workbench.webviewFrame());
  await workbench.screenshot('feature-page');
});

test('the page walks to the next feature, and is there again after the window was reloaded', async ({ workbench }) => {
  await workbench.run('SSAE Studio: Open Feature…');
  await workbench.quickInput.fill('17');
  await expect(workbench.row('17')).toBeVisible({ timeout: 60_000 });
  await workbench.page.keyboard.press('Enter');
  const page = workbench.webview();
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Feature 18', { timeout: 60_000 });
  await page.getByRole('button', { name: 'Bookmark' }).click();
  await expect(page.getByRole('button', { name: 'Bookmark' })).toHaveAttribute('aria-pressed', 'true');
  await workbench.reload();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Feature 18', { timeout: 60_000 });
  await expect(page.getByRole('button', { name: 'Bookmark' })).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('button', { name: 'Bookmark' }).click();
});

test('the training panel opens where nothing has been trained, and says so', async ({ workbench }) => {
  await workbench.run('SSAE Studio: Show Training');
  const page = workbench.webview();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Training', { timeout: 60_000 });
  await expect(page.getByText('No dictionary has been trained yet')).toBeVisible();
  await expectAccessible(await workbench.webviewFrame());
});

test('the training panel drops a message that is not as agreed, on either side', async ({ workbench }) => {
  await workbench.run('SSAE Studio: Show Training');
  const page = workbench.webview();
  await expect(page.getByText('No dictionary has been trained yet')).toBeVisible({ timeout: 60_000 });
  await tellExtension(workbench, { type: 'act', job: 7, action: 'format the disk' });
  await expect.poll(() => logOf(workbench)).toContain('training panel: a message is dropped');
  await (
    await workbench.webviewFrame()
  ).evaluate(() => {
    postMessage({ type: 'runs', runs: [{ job: '<img src=x>' }], show: {} }, '*');
  });
  await expect.poll(() => workbench.console.join('\n')).toContain('a message is dropped');
  await expect(page.getByText('No dictionary has been trained yet')).toBeVisible();
});

test('a run is drawn while it trains, paused, resumed after a reload, and tells its held-out figures', async ({
  workbench,
}) => {
  const { page: window, server } = workbench;
  await workbench.run('SSAE Studio: Show Training');
  const page = workbench.webview();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Training', { timeout: 60_000 });
  const file = join(server.work, 'activations.safetensors');
  const [rows, dIn] = [4096, 64];
  await writeSafetensors(file, {
    activations: { dtype: 'F32', shape: [rows, dIn], data: synthesise(rows, dIn, 32, 1) },
  });
  const request = TrainRequest.parse({
    data: { kind: 'activations', file },
    architecture: { kind: 'topk', k: 4 },
    ...{ dSae: 512, tokens: 512 * 6000, batch: 512, seed: 7, output: 'panel-run' },
  });
  const daemon = await DaemonConnection.open(join(server.home, 'daemon'), 'test');
  try {
    const { id } = await daemon!.request(StartJob, { kind: 'train', request });
    const run = page.getByRole('row', { name: /panel-run/ });
    await expect(run).toContainText('training,', { timeout: 60_000 });
    await run.getByRole('checkbox').check();
    const loss = page.locator('.chart').first();
    await expect(loss.locator('.legend .number')).toHaveText(/\d/);
    await expect(workbench.status(/panel-run \d+ %/)).toBeVisible();
    await workbench.screenshot('training-panel');
    await run.getByRole('button', { name: 'Pause: panel-run' }).click();
    await expect(run).toContainText('Paused', { timeout: 30_000 });
    const latest = await loss.locator('.legend .number').textContent();
    await workbench.reload();
    await expect(loss.locator('.legend .number')).toHaveText(latest ?? '', { timeout: 60_000 });
    await run.getByRole('button', { name: 'Resume: panel-run' }).click();
    await expect(run).toContainText('Done', { timeout: 120_000 });
    await expect(page.getByText(/n = \d+ tokens, split [0-9a-f]{12}/)).toBeVisible();
    await expect(page.getByRole('button', { name: 'Inspect Here' })).toBeVisible();
    await expectAccessible(await workbench.webviewFrame());
    await window.screenshot({ path: join(server.work, 'done.png') });
    expect((await daemon!.request(ListJobs, {})).map((job) => [job.id, job.state.kind])).toContainEqual([id, 'done']);
  } finally {
    daemon?.dispose();
  }
});

test('with a corpus the page shows passages and density, keeps a label, and steers', async ({ workbench }) => {
  const { server } = workbench;
  await workbench.run('SSAE Studio: Show Training'); // The daemon starts.
  await expect(workbench.webview().getByRole('heading', { level: 1 })).toBeVisible({ timeout: 60_000 });
  const daemon = await DaemonConnection.open(join(server.home, 'daemon'), 'test');
  try {
    const source = join(import.meta.dirname, '..', 'fixtures', 'end-to-end', 'general.txt');
    const request = IngestRequest.parse({ corpus: 'general', sources: [source], unit: 'paragraph' });
    const { id } = await daemon!.request(StartJob, { kind: 'ingest', request });
    expect((await daemon!.waitForJob(id, () => undefined)).state.kind).toBe('done');
    await workbench.run('View: Close All Editors');
    await workbench.run('SSAE Studio: Open Feature…');
    await workbench.quickInput.fill('17');
    await expect(workbench.row('17')).toBeVisible({ timeout: 60_000 });
    await workbench.page.keyboard.press('Enter');
    const page = workbench.webview();
    await page.getByRole('combobox', { name: 'Corpus' }).selectOption('general');
    await expect(page.getByText(/Fires on .* of tokens \(n = /)).toBeVisible({ timeout: 120_000 });
    await expect(page.locator('.quantile .token').first()).toHaveAttribute('title', /: activation \d/);
    await page.getByRole('button', { name: 'Add Label' }).click();
    await workbench.page.keyboard.type('a label of the test');
    await workbench.page.keyboard.press('Enter');
    await expect(page.getByText('Saved.')).toBeVisible({ timeout: 20_000 });
    await expect(page.locator('.label strong')).toHaveText('a label of the test');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(page.getByText('No label')).toBeVisible({ timeout: 20_000 });
    await page.getByRole('textbox', { name: 'Prompt' }).fill('The state of');
    await page.getByRole('button', { name: 'Continue the Prompt' }).click();
    await expect(page.getByText(/Divergence KL/)).toBeVisible({ timeout: 60_000 });
    await expectAccessible(await workbench.webviewFrame());
    await workbench.screenshot('feature-page-corpus');
  } finally {
    daemon?.dispose();
  }
});
