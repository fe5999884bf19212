import type { Page } from '@playwright/test';

/** What the page saw after one event. Milliseconds since the event's own time stamp. */
export interface Answer {
  /** Until the text on the screen was another. */
  readonly text: number;
  /** Until any line of the new text was painted. */
  readonly first: number;
  /** Until what was waited for was on the screen. */
  readonly done: number;
  /** Lines on the screen in the end. */
  readonly visible: number;
}

/** What is waited for: other text; other text with paint on every line; other text, some paint, and the last change of the screen's paint. */
export type Wanted = 'text' | 'painted' | 'paint at rest';

interface ClockPage {
  answer?: Promise<Answer>;
  shown?: Promise<number>;
}

interface Clock {
  readonly event: 'keydown' | 'wheel';
  readonly wanted: Wanted;
  /** Name of the file whose editor is watched; null for the one that is open. */
  readonly editor: string | null;
}

const LIMIT = 15_000;
/** Paint that has not changed as long as this is at rest. */
const REST = 600;

/**
 * Runs in the page. Looks at a frame when something of the editor changed, after it was laid out and painted: a message posted in an
 * animation frame arrives after that. Nothing runs in between, so that the clock takes no time from what it measures.
 */
function arm({
  event,
  wanted,
  editor: name,
  limit,
  rest,
}: Clock & { readonly limit: number; readonly rest: number }): void {
  interface Line {
    readonly text: string;
    /** Pixels: where the paint of the line ends; null without paint. */
    readonly end: number | null;
    /** Places and colours of its paint. */
    readonly paint: string;
  }
  const number = (pixels: string): number => Number.parseFloat(pixels === '' ? '0' : pixels);
  const look = (bare = false): Map<string, Line> => {
    const uri = name === null ? '' : `[data-uri$="/${name}"]`;
    const editor = document.querySelector(`.editor-instance .monaco-editor${uri}`);
    const seen = new Map<string, Line>();
    if (editor === null) return seen;
    // Style alone: asking for boxes would make the browser lay out once more.
    const shift = number(editor.querySelector<HTMLElement>('.lines-content')!.style.top);
    const ends = new Map<string, number>();
    const paint = new Map<string, string>();
    for (const overlay of bare ? [] : editor.querySelectorAll<HTMLElement>('.view-overlays > div')) {
      const { top } = overlay.style;
      for (const { style, className } of overlay.querySelectorAll<HTMLElement>('.cdr[class*="ced-"]')) {
        ends.set(top, Math.max(ends.get(top) ?? 0, number(style.left) + number(style.width)));
        if (wanted === 'paint at rest')
          paint.set(top, `${paint.get(top) ?? ''} ${style.left} ${style.width} ${className}`);
      }
    }
    for (const line of editor.querySelectorAll<HTMLElement>('.view-lines > .view-line')) {
      const y = number(line.style.top) + shift;
      if (y >= 0 && y + number(line.style.height) <= editor.clientHeight)
        seen.set(line.style.top, {
          ...{ text: line.textContent, end: ends.get(line.style.top) ?? null },
          paint: paint.get(line.style.top) ?? '',
        });
    }
    return seen;
  };
  const joined = (lines: Map<string, Line>, what: 'text' | 'paint'): string =>
    [...lines]
      .map(([top, line]) => `${top} ${line[what]}`)
      .sort()
      .join('\n');

  (window as unknown as ClockPage).answer = new Promise((resolve, reject) => {
    const begin = ({ timeStamp }: Event): void => {
      // The text alone: what is looked at here takes its time from the answer.
      const before = joined(look(true), 'text');
      let [text, first]: (number | null)[] = [null, null];
      let [paint, resting]: [string, ReturnType<typeof setTimeout> | undefined] = ['', undefined];
      const isPainted = (lines: Map<string, Line>): boolean =>
        [...lines.values()].every((line) => line.end !== null || line.text.trim() === '');
      const end = (done: number, visible: number): void => {
        clearTimeout(timer);
        observer.disconnect();
        resolve({ text: text!, first: first ?? done, done, visible });
      };
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        scheduled = false;
        const ms = performance.now() - timeStamp;
        const lines = look();
        if (lines.size === 0 || (text === null && joined(lines, 'text') === before)) return;
        text ??= ms;
        if ([...lines.values()].some(({ end }) => end !== null)) first ??= ms;
        if (wanted === 'text' || (wanted === 'painted' && isPainted(lines))) end(ms, lines.size);
        // Bare text is not at rest: its paint is on the way.
        if (wanted !== 'paint at rest' || first === null) return;
        const now = joined(lines, 'paint');
        if (now === paint) return;
        paint = now;
        clearTimeout(resting);
        resting = setTimeout(end, rest, ms, lines.size);
      };
      let scheduled = false;
      const schedule = (): void => {
        if (scheduled) return;
        scheduled = true;
        requestAnimationFrame(() => {
          channel.port2.postMessage(0);
        });
      };
      const observer = new MutationObserver(schedule);
      const watched = { subtree: true, childList: true, characterData: true, attributes: true };
      observer.observe(document.querySelector('.part.editor')!, watched);
      const timer = setTimeout(() => {
        observer.disconnect();
        reject(
          new Error(`no answer (${wanted}) to a ${event} within ${limit} ms; text after ${text} ms, paint ${first} ms`),
        );
      }, limit);
      schedule();
    };
    addEventListener(event, begin, { capture: true, once: true });
  });
}

/** Time from the event that `act` sends to the frame that answers it. */
export async function timed(
  page: Page,
  act: () => Promise<void>,
  { event = 'keydown', wanted = 'painted', editor = null }: Partial<Clock> = {},
): Promise<Answer> {
  await page.evaluate(arm, { event, wanted, editor, limit: LIMIT, rest: REST });
  await act();
  return page.evaluate(() => (window as unknown as ClockPage).answer!);
}

/** Milliseconds from a key press until an element of a selector with such text (label included) is on the screen. */
export async function keyUntil(page: Page, key: string, selector: string, text: RegExp): Promise<number> {
  const watch = ([css, pattern, limit]: readonly [string, string, number]): void => {
    const wanted = new RegExp(pattern);
    const isShown = (element: HTMLElement): boolean =>
      element.offsetParent !== null &&
      wanted.test(`${element.getAttribute('aria-label') ?? ''} ${element.textContent}`);
    (window as unknown as ClockPage).shown = new Promise((resolve, reject) => {
      const begin = ({ timeStamp }: Event): void => {
        const channel = new MessageChannel();
        const timer = setTimeout(() => {
          observer.disconnect();
          reject(new Error(`no ${css} with ${pattern} within ${limit} ms`));
        }, limit);
        channel.port1.onmessage = () => {
          const ms = performance.now() - timeStamp;
          if (![...document.querySelectorAll<HTMLElement>(css)].some(isShown)) return;
          clearTimeout(timer);
          observer.disconnect();
          resolve(ms);
        };
        const observer = new MutationObserver(() => {
          requestAnimationFrame(() => {
            channel.port2.postMessage(0);
          });
        });
        observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
      };
      addEventListener('keydown', begin, { capture: true, once: true });
    });
  };
  await page.evaluate(watch, [selector, text.source, LIMIT] as const);
  await page.keyboard.press(key);
  return page.evaluate(() => (window as unknown as ClockPage).shown!);
}
