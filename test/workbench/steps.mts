import type { Locator } from '@playwright/test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Workbench } from './workbench.mts';

/** Takes an entry of a list, once it is there: the one that is offered, or the one that is typed for. */
export async function pick(workbench: Workbench, step: string, typed = ''): Promise<void> {
  await expect(workbench.quick).toContainText(step);
  await workbench.row('').waitFor();
  if (typed !== '') await workbench.quickInput.fill(typed);
  await workbench.row(typed).waitFor();
  await workbench.page.keyboard.press('Enter');
}

/** Answers a line of text. */
export async function answer(workbench: Workbench, step: string, typed?: string): Promise<void> {
  await expect(workbench.quick).toContainText(step);
  if (typed !== undefined) await workbench.quickInput.fill(typed);
  await workbench.page.keyboard.press('Enter');
}

/** The training panel's line of a run. */
export function runRow(workbench: Workbench, output: string): Locator {
  return workbench.webview().getByRole('row', { name: new RegExp(output) });
}

/** Finetunes on the selection `lenses` by answering the steps. */
export async function finetune(workbench: Workbench, objective: string, tokens: number, output: string): Promise<void> {
  await workbench.run('SSAE Studio: Finetune on Selection…', { wait: false });
  await pick(workbench, '(1/', 'lenses');
  await pick(workbench, '(2/', 'builtin-gsae');
  await pick(workbench, '(3/', objective);
  if (objective !== 'ERM') await answer(workbench, '(4/', '0.5');
  await answer(workbench, objective === 'ERM' ? '(4/' : '(5/', String(tokens));
  await answer(workbench, objective === 'ERM' ? '(5/5)' : '(6/6)', output);
  await expect(runRow(workbench, output)).toBeVisible({ timeout: 120_000 });
}

/** The process of the newest daemon of the private home folder. */
export function daemonOf({ server }: Workbench): number {
  const folder = join(server.home, 'daemon');
  const newest = readdirSync(folder)
    .map((name) => Number(/^endpoint-(\d+)\.json$/.exec(name)?.[1] ?? 0))
    .reduce((one, other) => Math.max(one, other), 0);
  return (JSON.parse(readFileSync(join(folder, `endpoint-${newest}.json`), 'utf8')) as { pid: number }).pid;
}

/** Where the tested extension was installed. */
export function extensionFolder({ server }: Workbench): string {
  const name = readdirSync(join(server.work, 'extensions')).find((entry) => entry.startsWith('ssae-studio.'));
  if (name === undefined) throw new Error('the extension is not installed');
  return join(server.work, 'extensions', name);
}

/** How many tokens are painted on the screen. */
export async function painted(workbench: Workbench): Promise<number> {
  return (await workbench.backgrounds()).length;
}

/** Lines of the extension's output channel. */
export function logOf({ server }: Workbench): string {
  const logs = join(server.work, 'data', 'logs');
  return readdirSync(logs, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('SSAE Studio.log'))
    .map((name) => readFileSync(join(logs, name), 'utf8'))
    .join('\n');
}

/** Sends the extension what the open webview's page would not. */
export async function tellExtension(workbench: Workbench, message: object): Promise<void> {
  const host = (await workbench.webviewFrame()).parentFrame();
  if (host === null) throw new Error('the page is not in a webview');
  await host.evaluate((given) => {
    const send = (globalThis as unknown as Record<string, (command: string, data: unknown) => void>)[
      '__vscode_post_message__'
    ]!;
    send('onmessage', { message: given });
  }, message);
}
