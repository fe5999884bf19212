import {
  calm,
  freshSeed,
  highlight,
  MEASURES,
  paintBy,
  REPETITIONS,
  SERVER,
  TALL,
  test,
  USUAL,
  write,
} from './bench.mts';
import { timed, type Answer } from './page-clock.mts';
import { prose } from './prose.mts';
import { p95, report } from './rows.mts';

/** Lines read ahead of a screen, and some: a jump this much longer than the screen lands on text that nobody read. */
const BEYOND = 80;
const LINE_PIXELS = 19;
/** What the editor scrolls by for one notch of a wheel, whatever the event says. */
const NOTCH_PIXELS = 50;
const WARM_UP = 2;

/** Lines that the daemon reads meanwhile, from the beginning: nothing is scrolled to them. */
const HEAD = 10_000;

test.use({ server: SERVER });

const SCREENS = { 'usual screen': USUAL, 'tall screen': TALL };

for (const [measure, name] of MEASURES)
  for (const [screen, viewport] of Object.entries(SCREENS))
    test(`scroll to painted highlight, ${screen}, ${name}`, async ({ workbench: w }) => {
      test.setTimeout(300_000);
      await w.page.setViewportSize(viewport);
      const jump = Math.floor(viewport.height / LINE_PIXELS) + BEYOND;
      const file = `scroll-${measure}-${viewport.height}.txt`;
      write(w, file, prose(freshSeed(), HEAD + jump * (REPETITIONS + WARM_UP)));
      w.server.setSettings({ 'editor.mouseWheelScrollSensitivity': (jump * LINE_PIXELS) / NOTCH_PIXELS });
      await w.openFile(file);
      await highlight(w, true);
      await paintBy(w, measure);
      // Upwards from the end: what nobody sees is read from the beginning, and would be there first.
      await w.page.keyboard.press('Control+End');
      await w.page.mouse.move(viewport.width / 2 + 100, viewport.height / 2);
      // Where few tokens are painted a line without paint says nothing: the last change counts.
      const wanted = measure === 'strongest' ? 'painted' : 'paint at rest';
      const scroll = async (notches: number): Promise<Answer> => {
        await calm(w, 150);
        return timed(w.page, () => w.page.mouse.wheel(0, notches * 120), { event: 'wheel', wanted });
      };
      const fresh: Answer[] = [];
      const again: Answer[] = [];
      for (let i = -WARM_UP; i < REPETITIONS; i++) {
        const answer = await scroll(-1);
        if (i >= 0) fresh.push(answer);
      }
      for (let i = 0; i < REPETITIONS; i++) again.push(await scroll(1));
      const lines = `${fresh[0]!.visible} lines, ${name}`;
      const row = (what: string, values: number[], goal: ReturnType<typeof p95> | null = null): void => {
        report({ row: '1', what: `scroll → ${what}, ${lines}`, goal }, values);
      };
      row(
        'all painted, not cached',
        fresh.map(({ done }) => done),
        p95(250),
      );
      row(
        'first paint, not cached',
        fresh.map(({ first }) => first),
      );
      row(
        'all painted, cached',
        again.map(({ done }) => done),
        p95(100),
      );
      row(
        'text alone',
        again.map(({ text }) => text),
      );
      const ratio = again.map(({ done, text }) => done / text);
      report({ row: '1', what: `scroll, cached: all painted to text alone, ${lines}`, unit: '×' }, ratio);
      w.server.setSettings({ 'editor.mouseWheelScrollSensitivity': undefined });
      await w.page.setViewportSize(USUAL);
    });
