import {
  calm,
  expect,
  freshSeed,
  highlight,
  paintByStrongest,
  REPETITIONS,
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

for (const [name, viewport] of [
  ['usual screen', USUAL],
  ['tall screen', TALL],
] as const)
  test(`scroll to painted highlight, ${name}`, async ({ workbench: w }) => {
    await w.page.setViewportSize(viewport);
    const screen = Math.floor(viewport.height / LINE_PIXELS);
    const jump = screen + BEYOND;
    const file = `scroll-${viewport.height}.txt`;
    write(w, file, prose(freshSeed(), jump * (REPETITIONS + 4)));
    await w.openFile(file);
    await paintByStrongest(w);
    await highlight(w, true);
    await w.page.mouse.move(viewport.width / 2 + 100, viewport.height / 2);
    const scroll = async (lines: number): Promise<Answer> => {
      await calm(w, 100);
      const act = () => w.page.mouse.wheel(0, lines * LINE_PIXELS);
      return timed(w.page, act, { event: 'wheel' });
    };
    const fresh: Answer[] = [];
    const again: Answer[] = [];
    for (let i = -1; i < REPETITIONS; i++) {
      const answer = await scroll(jump);
      if (i >= 0) fresh.push(answer);
    }
    for (let i = 0; i < REPETITIONS; i++) again.push(await scroll(-jump));
    const lines = fresh[0]!.visible;
    for (const { painted, visible } of [...fresh, ...again]) expect(painted).toBeGreaterThan(visible * 0.75);
    const isGoal = viewport === TALL;
    const row = '1';
    report(
      { row, what: `scroll → painted, not cached, ${lines} lines`, goal: p95(250) },
      fresh.map((a) => a.lines),
    );
    report(
      { row, what: `scroll → painted, cached, ${lines} lines`, goal: p95(100) },
      again.map((a) => a.lines),
    );
    if (isGoal)
      report(
        { row, what: `scroll → text alone, ${lines} lines` },
        again.map((a) => a.text!),
      );
    await w.page.setViewportSize(USUAL);
  });
