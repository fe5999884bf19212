import { calm, freshSeed, highlight, REPETITIONS, SERVER, test, USUAL, write } from './bench.mts';
import { keyUntil } from './page-clock.mts';
import { prose } from './prose.mts';
import { p95, report } from './rows.mts';
import type { Workbench } from '../../test/workbench/workbench.mts';

const STATUS = '[id="ssae-studio.ssae-studio.ssae.status"] a';
const LIST_TITLE = '.quick-input-title';
const GOAL = p95(100);

test.use({ server: SERVER });

/** Milliseconds from the Enter that takes a command of the palette until the window shows that it was heard. */
async function fromPalette(w: Workbench, command: string, selector: string, shown: RegExp): Promise<number> {
  await w.page.keyboard.press('F1');
  await w.quickInput.fill(`>SSAE Studio: ${command}`);
  await w.row(command).waitFor();
  await calm(w, 100);
  return keyUntil(w.page, 'Enter', selector, shown);
}

test.beforeEach(async ({ workbench: w }) => {
  await w.page.setViewportSize(USUAL);
  write(w, 'palette.txt', prose(freshSeed(), 100));
  await w.openFile('palette.txt');
  await highlight(w, true);
  await calm(w, 1500);
});

test('a command of the palette to what it shows: highlights on and off', async ({ workbench: w }) => {
  const [off, on]: [number[], number[]] = [[], []];
  for (let i = -1; i < REPETITIONS / 2; i++) {
    const first = await fromPalette(w, 'Toggle Feature Highlights', STATUS, /Highlighting is off/);
    const second = await fromPalette(w, 'Toggle Feature Highlights', STATUS, /Tokens are painted by/);
    if (i < 0) continue;
    off.push(first);
    on.push(second);
  }
  report({ row: '5', what: 'palette: highlights off → status bar', goal: GOAL }, off);
  report({ row: '5', what: 'palette: highlights on → status bar', goal: GOAL }, on);
});

test('a command of the palette to the list that it opens', async ({ workbench: w }) => {
  for (const [command, title] of [
    ['Retrieve Passages…', /^\s*Retrieve Passages/],
    ['Paint Tokens By…', /^\s*Paint Tokens By/],
  ] as const) {
    const times: number[] = [];
    for (let i = -1; i < REPETITIONS / 2; i++) {
      const time = await fromPalette(w, command, LIST_TITLE, title);
      await w.page.keyboard.press('Escape');
      await w.quick.waitFor({ state: 'hidden' });
      if (i >= 0) times.push(time);
    }
    report({ row: '5', what: `palette: ${command} → its list`, goal: GOAL }, times);
  }
});
