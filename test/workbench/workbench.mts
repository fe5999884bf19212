import { test as base, expect, type Frame, type FrameLocator, type Locator, type Page } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { startServer, type Server, type ServerOptions } from '../../scripts/workbench/server.mjs';

const root = join(import.meta.dirname, '..', '..');
const VIEWPORT = { width: 1280, height: 800 };
/** Where the mouse rests: over nothing that shows a hover. */
const CORNER = [VIEWPORT.width / 2, VIEWPORT.height - 5] as const;
const START_MILLISECONDS = 90_000;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const middle = ({ x, y, width, height }: Box): [number, number] => [x + width / 2, y + height / 2];

/** Kinds of theme: setting and class of the workbench. */
export const THEMES = {
  light: { name: 'Light Modern', kind: 'vs' },
  dark: { name: 'Dark Modern', kind: 'vs-dark' },
  'hc-dark': { name: 'Default High Contrast', kind: 'hc-black' },
  'hc-light': { name: 'Default High Contrast Light', kind: 'hc-light' },
} as const;

/** The window of a real VS Code with the packaged extension. Tests of a worker share it; it is tidied before each. */
export class Workbench {
  readonly page: Page;
  readonly server: Server;
  /** Addresses asked for that are not the server's. */
  readonly outside = new Set<string>();
  readonly console: string[] = [];
  /** Command palette, file picker, QuickPick and InputBox are one widget. */
  readonly quick: Locator;
  readonly quickInput: Locator;

  constructor(page: Page, server: Server) {
    this.page = page;
    this.server = server;
    this.quick = page.locator('.quick-input-widget');
    this.quickInput = this.quick.locator('input[type=text]');
    page.on('console', (message) => this.console.push(`${message.type()} ${message.text()}`));
    page.context().on('request', (request) => {
      // What a webview loads from vscode-cdn.net is answered by its service worker and never leaves the machine.
      const own = request.url().startsWith(server.origin) || /\.vscode-resource\.vscode-cdn\.net\//.test(request.url());
      if (/^https?:/.test(request.url()) && !own) this.outside.add(request.url());
    });
  }

  /** Waits until the window shows and knows the extension's commands; running one activates it. */
  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: START_MILLISECONDS });
    await expect(async () => {
      await this.page.keyboard.press('Escape'); // An open list does not learn of new commands.
      await this.page.keyboard.press('F1');
      await this.quickInput.fill('>SSAE Studio: Show Log');
      await this.row('SSAE Studio: Show Log').waitFor({ timeout: 3000 });
    }).toPass({ timeout: START_MILLISECONDS });
    await this.page.keyboard.press('Escape');
    await this.quick.waitFor({ state: 'hidden' });
  }

  async open(address = this.server.url()): Promise<void> {
    await this.page.goto(address);
    await this.ready();
  }

  /** Same tab, same browser storage: a new context would begin with empty state. */
  async reload(): Promise<void> {
    const loaded = this.page.waitForEvent('load', { timeout: START_MILLISECONDS });
    await this.run('Developer: Reload Window', { wait: false });
    await loaded;
    await this.ready();
  }

  /** The row that Enter takes: while the list is still the old one, a row further down may match already. */
  row(text: string | RegExp): Locator {
    return this.quick.locator('.monaco-list-row.focused', { hasText: text });
  }

  /** Runs a command from the palette, by its category and title. */
  async run(title: string, { wait = true } = {}): Promise<void> {
    await this.page.keyboard.press('F1');
    await this.quickInput.fill(`>${title}`);
    await this.row(title).waitFor();
    await this.page.keyboard.press('Enter');
    if (wait) await expect(this.row(title)).toBeHidden();
  }

  async openFile(name: string): Promise<void> {
    // A file just written may be missing from the first search.
    await expect(async () => {
      if (await this.quickInput.isVisible()) await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('Control+P');
      await this.quickInput.fill(name);
      await this.row(name).waitFor({ timeout: 5000 });
    }).toPass({ timeout: 40_000 });
    await this.page.keyboard.press('Enter');
    await this.editor(name).waitFor();
    await this.quickInput.waitFor({ state: 'hidden' });
  }

  async openNotebook(name: string): Promise<void> {
    await this.page.keyboard.press('Control+P');
    await this.quickInput.fill(name);
    await this.row(name).waitFor();
    await this.page.keyboard.press('Enter');
    await this.page.locator('.notebook-editor .cell-editor-container .monaco-editor').first().waitFor();
  }

  editor(name: string): Locator {
    return this.page.locator(`.editor-instance .monaco-editor[data-uri$="/${name}"]`);
  }

  line(text: string | RegExp): Locator {
    return this.page.locator('.view-lines .view-line', { hasText: text }).first();
  }

  /** Where a word of a line is on the screen. A line that the editor draws anew just then is nowhere: it is looked for again. */
  async word(line: string | RegExp, word: string): Promise<Box> {
    let box: Box | null = null;
    await expect(async () => {
      box = await this.#drawnWord(line, word);
      expect(box.width).toBeGreaterThan(0);
    }).toPass({ timeout: 20_000 });
    return box!;
  }

  #drawnWord(line: string | RegExp, word: string): Promise<Box> {
    return this.line(line).evaluate((element, wanted) => {
      // The editor draws a long token in several pieces, and spaces as no-break spaces.
      const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      const pieces: { node: Node; from: number }[] = [];
      let text = '';
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        pieces.push({ node, from: text.length });
        text += node.textContent ?? '';
      }
      const start = text.replace(/\u00a0/g, ' ').indexOf(wanted);
      if (start >= 0) {
        const range = document.createRange();
        const first = pieces.findLast(({ from }) => from <= start)!;
        const last = pieces.findLast(({ from }) => from < start + wanted.length)!;
        range.setStart(first.node, start - first.from);
        range.setEnd(last.node, start + wanted.length - last.from);
        const { x, y, width, height } = range.getBoundingClientRect();
        return { x, y, width, height };
      }
      throw new Error(`no ${wanted} in ${element.textContent}`);
    }, word);
  }

  /** Selects from one word to another of a line with the mouse; `more` keeps what is selected already. */
  async select(line: string | RegExp, from: string, to: string, { more = false } = {}): Promise<void> {
    const [start, end] = [await this.word(line, from), await this.word(line, to)];
    if (more) await this.page.keyboard.down('Alt');
    await this.page.mouse.move(start.x, start.y + start.height / 2);
    await this.page.mouse.down();
    await this.page.mouse.move(end.x + end.width, end.y + end.height / 2, { steps: 3 });
    await this.page.mouse.up();
    if (more) await this.page.keyboard.up('Alt');
  }

  /** An entry of the side bar's views, by how it is read out: name, then figures. */
  entry(name: string | RegExp): Locator {
    return this.page.locator('.part.sidebar').getByRole('treeitem', { name });
  }

  /** Takes an entry of the open context menu. By Enter: for its first 100 ms a menu ignores clicks. */
  async choose(entry: string): Promise<void> {
    const item = this.page.locator('.monaco-menu .action-item', { hasText: entry });
    await item.hover();
    await expect(item).toHaveClass(/focused/);
    await this.page.keyboard.press('Enter');
    await item.waitFor({ state: 'hidden' });
  }

  /** Hovers a word until a hover with this text shows. The click is for an editor whose context menu was used. */
  async hover(line: string | RegExp, word: string, text: string | RegExp): Promise<Locator> {
    const hover = this.page.locator('.monaco-hover:visible', { hasText: text });
    await this.page.mouse.click(...middle(await this.word(line, word)));
    await expect(async () => {
      await this.page.mouse.move(...CORNER);
      await this.page.mouse.move(...middle(await this.word(line, word)), { steps: 3 });
      await expect(hover).toBeVisible({ timeout: 3000 });
    }).toPass({ timeout: 30_000 });
    return hover;
  }

  /** Decorations with a background, wherever the editor draws them. Their colour has two decimals of alpha. */
  backgrounds(): Promise<(Box & { readonly color: string })[]> {
    return this.page.locator('.view-overlays .cdr[class*="ced-"]').evaluateAll((all) =>
      all.map((element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return { x, y, width, height, color: getComputedStyle(element).backgroundColor };
      }),
    );
  }

  /** The document inside the visible webview: an iframe in an iframe. */
  webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready:visible').frameLocator('iframe#active-frame');
  }

  /** The same as a Frame, for evaluate() and expectAccessible(). */
  async webviewFrame(): Promise<Frame> {
    const frame = await (await this.webview().locator('html').elementHandle()).ownerFrame();
    if (frame === null) throw new Error('no webview is open');
    return frame;
  }

  toast(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast', { hasText: text });
  }

  status(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item', { hasText: text });
  }

  async theme(theme: keyof typeof THEMES): Promise<void> {
    const { name, kind } = THEMES[theme];
    this.server.setSettings({ 'workbench.colorTheme': name });
    await expect(this.page.locator('.monaco-workbench')).toHaveClass(new RegExp(`(^| )${kind}( |$)`));
  }

  /** For people to look at: test/screenshots/NAME.png. */
  async screenshot(name: string): Promise<void> {
    await this.page.screenshot({ path: join(root, 'test', 'screenshots', `${name}.png`) });
  }

  /** Puts away what a test left behind: pop-ups, editors (unsaved ones too), notifications, theme. */
  async tidy(): Promise<void> {
    for (let i = 0; i < 3; i++) await this.page.keyboard.press('Escape');
    await this.run('View: Close All Editors');
    await expect(async () => {
      const discard = this.page.getByRole('button', { name: "Don't Save" });
      if (await discard.isVisible()) await discard.click();
      await expect(this.page.locator('.tabs-container .tab')).toHaveCount(0, { timeout: 500 });
    }).toPass();
    await this.run('Notifications: Clear All Notifications');
    this.server.setSettings({ 'workbench.colorTheme': undefined });
    await this.page.mouse.move(...CORNER);
  }

  /** What helps to understand a failure. */
  async keepEvidence(folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, 'failure.png') }).catch(() => undefined);
    writeFileSync(join(folder, 'console.log'), this.console.join('\n'));
    this.server.copyLogs(join(folder, 'logs'));
    console.log(`    screenshot and logs are in ${relative('.', folder)}`);
  }
}

/** `ssae` are commands, as words, that store what a file's tests begin with; they run in the folder before the window opens. */
interface WorkbenchOptions extends ServerOptions {
  readonly ssae?: readonly (readonly string[])[];
}

interface WorkerFixtures {
  /** `test.use({ server: { settings, env, folder, ssae } })` at the top of a file, even {}: its own server and empty profile. */
  server: WorkbenchOptions;
  shared: Workbench;
}

export const test = base.extend<{ workbench: Workbench }, WorkerFixtures>({
  server: [{}, { scope: 'worker', option: true }],

  shared: [
    async ({ browser, server: options }, use) => {
      const vsix = process.env['SSAE_TEST_VSIX'];
      if (vsix === undefined) throw new Error('SSAE_TEST_VSIX is not set; run `npm run test:editor`');
      const server = await startServer({ vsix, folder: join(root, 'test', 'fixtures', 'workbench'), ...options });
      try {
        for (const words of options.ssae ?? []) {
          const program = [join(root, 'dist', 'server', 'cli.js'), '--home', server.home, '--quiet', ...words];
          execFileSync(process.execPath, program, { cwd: server.folder });
        }
        const context = await browser.newContext({ viewport: VIEWPORT });
        const page = await context.newPage();
        page.setDefaultTimeout(20_000);
        await use(new Workbench(page, server));
        await context.close();
      } finally {
        await server.stop();
      }
    },
    { scope: 'worker', timeout: 120_000 },
  ],

  workbench: async ({ shared }, use, info) => {
    let failed = true;
    try {
      if (shared.page.url() === 'about:blank') await shared.open();
      await shared.tidy();
      await use(shared);
      failed = info.status !== info.expectedStatus;
    } finally {
      if (failed) await shared.keepEvidence(info.outputDir);
      shared.console.length = 0;
    }
    expect([...shared.outside], 'nothing outside the machine is asked for').toEqual([]);
  },
});

export { expect };
