import { expect, test, THEMES, type Box, type Workbench } from './workbench.mts';

const LENSING = 'Light from a distant quasar';
const TOGGLE = 'SSAE Studio: Toggle Feature Highlights';
const PAINT_BY = 'SSAE Studio: Paint Tokens By…';

async function isOn(workbench: Workbench): Promise<boolean> {
  return (await workbench.status(/builtin-gsae ·/).count()) > 0;
}

async function turn(workbench: Workbench, on: boolean): Promise<void> {
  if ((await isOn(workbench)) !== on) await workbench.run(TOGGLE);
  await expect.poll(() => isOn(workbench)).toBe(on);
}

async function paintBy(workbench: Workbench, measure: string): Promise<void> {
  await workbench.run(PAINT_BY);
  await workbench.quickInput.fill(measure);
  await workbench.row(measure).waitFor();
  await workbench.page.keyboard.press('Enter');
  await expect(workbench.row(measure)).toBeHidden();
}

const painted = async (workbench: Workbench): Promise<number> => (await workbench.backgrounds()).length;

async function untilPainted(workbench: Workbench, boxes = 5): Promise<void> {
  await expect.poll(() => painted(workbench), { timeout: 60_000 }).toBeGreaterThan(boxes);
}

/** Boxes on the line of a word. */
async function boxesOn(workbench: Workbench, line: string | RegExp, word: string): Promise<Box[]> {
  const { y, height } = await workbench.word(line, word);
  return (await workbench.backgrounds()).filter((box) => Math.abs(box.y - y) < height / 2);
}

test.beforeEach(async ({ workbench }) => {
  await turn(workbench, false);
});

test('toggling paints rare features on words of the text and the status bar says so; toggling again takes the paint away', async ({
  workbench,
}) => {
  await workbench.openFile('physics.txt');
  await workbench.run(TOGGLE);
  await untilPainted(workbench);
  await expect(workbench.status('builtin-gsae · rare features')).toBeVisible();
  const line = await boxesOn(workbench, LENSING, 'quasar');
  const distant = await workbench.word(LENSING, 'distant');
  expect(line.some(({ x, width }) => Math.abs(x - distant.x) < 2 && Math.abs(width - distant.width) < 2)).toBe(true);
  await workbench.run(TOGGLE);
  await expect.poll(() => painted(workbench)).toBe(0);
});

test('the paint is seen in light, dark and both high contrast themes', async ({ workbench }) => {
  await workbench.openFile('physics.txt');
  await turn(workbench, true);
  await untilPainted(workbench);
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

test('what tokens are painted by is chosen in a list: the strongest feature, the error, one feature found by its number', async ({
  workbench,
}) => {
  await workbench.openFile('physics.txt');
  await turn(workbench, true);
  await untilPainted(workbench);
  const rare = await painted(workbench);
  await paintBy(workbench, 'Strongest Feature');
  await expect(workbench.status('strongest feature')).toBeVisible();
  await expect.poll(() => painted(workbench)).toBeGreaterThan(2 * rare);
  await paintBy(workbench, 'Reconstruction Error');
  await expect(workbench.status('reconstruction error')).toBeVisible();
  await expect.poll(() => painted(workbench)).toBeGreaterThan(2 * rare);
  await paintBy(workbench, 'One or Several Features…');
  await workbench.quick.locator('.monaco-list-row').first().waitFor();
  const feature = (await workbench.quick.locator('.monaco-list-row .label-name').first().textContent())!;
  await workbench.quickInput.fill(feature);
  await workbench.quick.locator('.monaco-list-row', { hasText: feature }).first().click();
  await workbench.page.keyboard.press('Enter');
  await expect(workbench.status(`feature ${feature}`)).toBeVisible();
  await untilPainted(workbench, 0);
  await paintBy(workbench, 'Rare Features');
});

test('the hover of a token lists what fires on it; a feature is hidden from there and shown again', async ({
  workbench,
}) => {
  await workbench.openFile('physics.txt');
  await turn(workbench, true);
  await untilPainted(workbench);
  const hover = await workbench.hover(LENSING, 'quasar', 'reconstruction error');
  await workbench.screenshot('hover');
  await expect(hover).toContainText('Seed from this');
  const features = hover.locator('td a[data-href^="command:ssae.openFeature"]');
  expect(await features.count()).toBeGreaterThan(3);
  const feature = (await features.first().textContent())!;
  await hover.locator('a[data-href^="command:ssae.hideFeature"]').first().click();
  await workbench.page.keyboard.press('Escape');
  await workbench.run('SSAE Studio: Show Hidden Features…');
  await workbench.quick.locator('.monaco-list-row', { hasText: `Feature ${feature}` }).waitFor();
  await workbench.quick.locator('.monaco-list-row', { hasText: `Feature ${feature}` }).click();
  await workbench.page.keyboard.press('Enter');
  await workbench.run('SSAE Studio: Show Hidden Features…');
  await expect(workbench.toast('No feature is hidden.')).toBeVisible();
});

test('paint of text that is changed goes at once, comes back for the new text, and is the same as after a fresh start', async ({
  workbench,
}) => {
  await workbench.openFile('notes.txt');
  await turn(workbench, true);
  await paintBy(workbench, 'Strongest Feature');
  await untilPainted(workbench, 10);
  const line = 'A telescope gathers';
  await workbench.page.mouse.dblclick(...center(await workbench.word(line, 'telescope')));
  await workbench.page.keyboard.type('galaxy');
  await expect.poll(async () => (await boxesOn(workbench, 'A galaxy gathers', 'light')).length).toBeGreaterThan(3);
  const edited = rounded(await settled(workbench));
  await workbench.run(TOGGLE);
  await workbench.run(TOGGLE);
  await untilPainted(workbench, 10);
  expect(rounded(await settled(workbench))).toEqual(edited);
  await paintBy(workbench, 'Rare Features');
});

const center = ({ x, y, width, height }: Box): [number, number] => [x + width / 2, y + height / 2];

/** Boxes once they have stopped changing. */
async function settled(workbench: Workbench): Promise<(Box & { readonly color: string })[]> {
  let last = '';
  await expect
    .poll(
      async () => {
        const now = JSON.stringify(await workbench.backgrounds());
        const same = now === last && now !== '[]';
        last = now;
        return same;
      },
      { intervals: [700] },
    )
    .toBe(true);
  return workbench.backgrounds();
}

function rounded(boxes: readonly (Box & { readonly color: string })[]): string[] {
  return boxes.map(({ x, y, width, color }) => [x, y, width].map(Math.round).join(' ') + color).sort();
}

test('an untitled document, a notebook cell and both sides of a diff are painted', async ({ workbench }) => {
  await turn(workbench, true);
  await workbench.page.keyboard.press('Control+Alt+N');
  await workbench.page.keyboard.type('Light of distant galaxies is bent by a quasar and its whalers.');
  await untilPainted(workbench, 0);
  await workbench.tidy();
  await workbench.openNotebook('notes.ipynb');
  await untilPainted(workbench, 0);
  await workbench.tidy();
  await workbench.openFile('physics.txt');
  await workbench.run('File: Compare Active File With...');
  await workbench.quickInput.fill('notes.txt');
  await workbench.row('notes.txt').waitFor();
  await workbench.page.keyboard.press('Enter');
  for (const side of ['original', 'modified'])
    await expect
      .poll(() => workbench.page.locator(`.editor.${side} .view-overlays .cdr[class*="ced-"]`).count())
      .toBeGreaterThan(1);
});

test('of a corpus file only the text field is painted', async ({ workbench }) => {
  await workbench.openFile('abstracts.jsonl');
  await turn(workbench, true);
  await paintBy(workbench, 'Strongest Feature');
  await untilPainted(workbench, 10);
  const line = '"Whales"';
  const [from, to] = [await workbench.word(line, 'The ship'), await workbench.word(line, 'aboard')];
  for (const box of await boxesOn(workbench, line, 'aboard')) {
    expect(box.x).toBeGreaterThan(from.x - 2);
    expect(box.x + box.width).toBeLessThan(to.x + to.width + 12);
  }
  await workbench.screenshot('corpus-file');
  await paintBy(workbench, 'Rare Features');
});

const QUESTION = 'characters: what is visible is read first';

test('a large document is painted only after the reader agreed', async ({ workbench }) => {
  workbench.server.setSettings({ 'ssae.highlight.largeFile': 100 });
  await turn(workbench, true);
  await workbench.openFile('physics.txt');
  const question = workbench.toast(QUESTION);
  await expect(question).toBeVisible();
  expect(await painted(workbench)).toBe(0);
  await question.getByRole('button', { name: 'Highlight' }).click();
  await untilPainted(workbench);
  workbench.server.setSettings({ 'ssae.highlight.largeFile': undefined });
});

test('a change of what counts as large holds for what is painted already, and for what was not agreed to', async ({
  workbench,
}) => {
  await turn(workbench, true);
  await workbench.openFile('notes.txt');
  await untilPainted(workbench, 0);
  workbench.server.setSettings({ 'ssae.highlight.largeFile': 100 });
  await expect(workbench.toast(QUESTION)).toBeVisible();
  await expect.poll(() => painted(workbench)).toBe(0);
  workbench.server.setSettings({ 'ssae.highlight.largeFile': undefined });
  await untilPainted(workbench, 0);
});
