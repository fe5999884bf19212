import {
  calm,
  freshSeed,
  highlight,
  type Measure,
  MEASURES,
  paintBy,
  REPETITIONS,
  SERVER,
  test,
  USUAL,
  write,
} from './bench.mts';
import { timed, type Answer } from './page-clock.mts';
import { prose, random } from './prose.mts';
import { median, p95, quantile, report } from './rows.mts';
import { middle, type Workbench } from '../../test/workbench/workbench.mts';

const FILE = 'typing.txt';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const next = random(7);
const letter = (): string => LETTERS[Math.floor(next() * LETTERS.length)]!;

test.use({ server: SERVER });

async function open(w: Workbench, measure: Measure): Promise<void> {
  await w.page.setViewportSize(USUAL);
  write(w, FILE, prose(freshSeed(), 150));
  await w.openFile(FILE);
  await highlight(w, true);
  await paintBy(w, measure);
  await calm(w, 1500);
}

/** Puts the caret into a word of a line on the screen. */
async function intoLine(w: Workbench, line: number): Promise<void> {
  const box = (await w.page.locator('.view-lines .view-line').nth(line).boundingBox())!;
  await w.page.mouse.click(box.x + 220 + next() * 200, middle(box)[1]);
}

for (const [measure, name] of MEASURES) {
  test(`one keystroke’s repaint, ${name}`, async ({ workbench: w }) => {
    await open(w, measure);
    const answers: Answer[] = [];
    for (let i = -2; i < REPETITIONS; i++) {
      await intoLine(w, 8 + ((i + 2) % 24));
      await calm(w, 150);
      const answer = await timed(w.page, () => w.page.keyboard.press(letter()), { wanted: 'paint at rest' });
      if (i >= 0) answers.push(answer);
    }
    report(
      { row: '2', what: `keystroke → its paint is as it stays, ${name}`, goal: p95(150) },
      answers.map(({ done }) => done),
    );
  });

  test(`the editor’s own answer to a key, without highlights and with ${name}`, async ({ workbench: w }) => {
    await open(w, measure);
    const BLOCKS = 5;
    const KEYS = 9;
    const times: Record<'on' | 'off', number[]> = { on: [], off: [] };
    for (let block = 0; block < 2 * BLOCKS; block++) {
      const kind = block % 2 === 0 ? 'on' : 'off';
      await highlight(w, kind === 'on');
      await intoLine(w, 10 + block);
      await calm(w, 300);
      for (let i = -2; i < KEYS; i++) {
        const { text } = await timed(w.page, () => w.page.keyboard.press(letter()), { wanted: 'text' });
        if (i >= 0) times[kind].push(text);
        await w.page.waitForTimeout(60);
      }
    }
    report({ row: '3', what: 'key → character on screen, highlights off' }, times.off);
    report({ row: '3', what: `key → character on screen, ${name}` }, times.on);
    const ratio = quantile(times.on, 0.5) / quantile(times.off, 0.5);
    report({ row: '3', what: `ratio of the medians, ${name} to off`, unit: '×', goal: median(1.1) }, [ratio]);
  });
}
