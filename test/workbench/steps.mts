import { expect, type Workbench } from './workbench.mts';

/** Takes an entry of a list of steps, once it is there: the one that is offered, or the one that is typed for. */
export async function pick(workbench: Workbench, step: string, typed = ''): Promise<void> {
  await expect(workbench.quick).toContainText(step);
  await workbench.row('').waitFor();
  if (typed !== '') await workbench.quickInput.fill(typed);
  await workbench.row(typed).waitFor();
  await workbench.page.keyboard.press('Enter');
}

/** Answers a line of text. */
export async function type(workbench: Workbench, step: string, typed?: string): Promise<void> {
  await expect(workbench.quick).toContainText(step);
  if (typed !== undefined) await workbench.quickInput.fill(typed);
  await workbench.page.keyboard.press('Enter');
}
