import { expect, test, THEMES, type Box, type Workbench } from './workbench.mts';

const FIRST_LINE = 'The quark is bound by gluons inside the proton.';
const TOGGLE = 'SSAE Studio: Toggle Feature Highlights';

test.beforeEach(async ({ workbench }) => {
  await workbench.openFile('notes.txt');
  await workbench.run(TOGGLE);
  await expect(workbench.status('rare features')).toBeVisible();
  await expect.poll(async () => (await workbench.backgrounds()).length).toBeGreaterThan(5);
});

test.afterEach(async ({ workbench }) => {
  await workbench.run(TOGGLE);
  await expect(workbench.status('rare features')).toBeHidden();
});

test('painted boxes lie on words of the text, and some begin with one', async ({ workbench }) => {
  const words = await wordBoxes(workbench, FIRST_LINE);
  const { y, height } = words[0]!;
  const painted = (await workbench.backgrounds()).filter((box) => Math.abs(box.y - y) < height / 2);
  expect(painted.length).toBeGreaterThan(1);
  // A box is a token, which may be part of a word; neighbours of one colour are one box.
  for (const box of painted) {
    expect(box.x).toBeGreaterThan(words[0]!.x - 2);
    expect(box.x + box.width).toBeLessThan(words.at(-1)!.x + words.at(-1)!.width + 2);
  }
  const atWords = painted.filter((box) => words.some(({ x }) => Math.abs(x - box.x) < 2));
  expect(atWords.length).toBeGreaterThan(painted.length / 3);
});

/** Boxes of a line's words, without the space in front of them, which is not painted, and of the full stop. */
function wordBoxes(workbench: Workbench, line: string): Promise<Box[]> {
  return Promise.all((line.match(/\w+|\.$/g) ?? []).map((word) => workbench.word(line, word)));
}

test('the paint is seen in light, dark and both high contrast themes', async ({ workbench }) => {
  const seen = new Set<string>();
  for (const theme of Object.keys(THEMES) as (keyof typeof THEMES)[]) {
    await workbench.theme(theme);
    await expect.poll(async () => seen.has(colors(await workbench.backgrounds()))).toBe(false);
    seen.add(colors(await workbench.backgrounds()));
    await workbench.screenshot(`highlights-${theme}`);
  }
  expect(seen.size).toBe(Object.keys(THEMES).length);
});

function colors(boxes: readonly { readonly color: string }[]): string {
  return [...new Set(boxes.map(({ color }) => color))].sort().join(' ');
}
