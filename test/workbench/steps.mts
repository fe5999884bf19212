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

/** The process of the newest daemon of the private home folder. */
export function daemonOf({ server }: Workbench): number {
  const folder = join(server.home, 'daemon');
  const newest = readdirSync(folder)
    .map((name) => Number(/^endpoint-(\d+)\.json$/.exec(name)?.[1] ?? 0))
    .reduce((one, other) => Math.max(one, other), 0);
  return (JSON.parse(readFileSync(join(folder, `endpoint-${newest}.json`), 'utf8')) as { pid: number }).pid;
}

/** Lines of the extension's output channel. */
export function logOf({ server }: Workbench): string {
  const logs = join(server.work, 'data', 'logs');
  return readdirSync(logs, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('SSAE Studio.log'))
    .map((name) => readFileSync(join(logs, name), 'utf8'))
    .join('\n');
}
