import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test as base, expect, type Workbench } from '../../test/workbench/workbench.mts';

export { expect };
export const REPETITIONS = 30;
/** Text area: of a usual window, and of one as tall as 200 lines. */
export const USUAL = { width: 1280, height: 960 };
export const TALL = { width: 1280, height: 3960 };
const GENERAL = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'end-to-end', 'general.txt');
const TOGGLE = 'SSAE Studio: Toggle Feature Highlights';

/** Of all benchmarks, so that they share one window. */
export const SERVER = {
  ssae: [['corpus', 'add', 'sky', 'library/astronomy.txt', GENERAL, '--unit', 'paragraph']],
  settings: {
    'ssae.referenceCorpus': 'sky',
    'editor.minimap.enabled': false,
    'editor.wordWrap': 'off',
    'editor.cursorBlinking': 'solid',
    'workbench.tree.renderIndentGuides': 'none',
    'files.hotExit': 'off',
  },
};
export const test = base;

let seed = 1;
/** Another number each time, of this run alone; fresh text has it for a seed. */
export const freshSeed = (): number => seed++ * 7919 + process.pid;

export function write({ server }: Workbench, name: string, text: string): void {
  writeFileSync(join(server.folder, name), text);
}

const status = (w: Workbench) => w.page.locator('[id="ssae-studio.ssae-studio.ssae.status"]');
export const isHighlighting = async (w: Workbench): Promise<boolean> =>
  (await status(w).locator('.codicon-eye-closed').count()) === 0;

export async function highlight(w: Workbench, on: boolean): Promise<void> {
  if ((await isHighlighting(w)) !== on) await w.run(TOGGLE);
  await expect(status(w).locator('.codicon-loading')).toHaveCount(0, { timeout: 60_000 });
  await expect.poll(() => isHighlighting(w)).toBe(on);
}

/** Paint on every token: the most that the editor has to draw. */
export const paintByStrongest = (w: Workbench): Promise<void> => paintBy(w, 'strongest');

export type Measure = 'rare' | 'strongest';

/** The measure that a window begins with, and the one that paints every token. */
export const MEASURES: readonly (readonly [Measure, string])[] = [
  ['rare', 'rare features'],
  ['strongest', 'strongest feature'],
];

/** By the first word of a measure's name, in lower case. */
export async function paintBy(w: Workbench, measure: Measure): Promise<void> {
  if ((await status(w).textContent())?.includes(measure) === true) return;
  await w.run('SSAE Studio: Paint Tokens By…', { wait: false });
  await w.quickInput.fill(measure);
  await w.row(new RegExp(measure, 'i')).waitFor();
  await w.page.keyboard.press('Enter');
  await expect(status(w)).toContainText(measure);
}

/** Waits until no answer is waited for and the daemon has been left alone. */
export async function calm(w: Workbench, milliseconds = 300): Promise<void> {
  await expect(status(w).locator('.codicon-loading')).toHaveCount(0, { timeout: 60_000 });
  await w.page.waitForTimeout(milliseconds);
}
