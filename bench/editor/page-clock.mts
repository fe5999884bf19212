import type { Page } from '@playwright/test';

/** What the page saw after one event. Milliseconds since the event's own time stamp. */
export interface Answer {
  /** Until the text on the screen had changed; null where it did not. */
  readonly text: number | null;
  /** Until every line that bears paint in the end bore some, for good. */
  readonly lines: number;
  /** Until the paint was as it is in the end, for good. */
  readonly paint: number;
  /** Whether paint was away, or another, after the event. */
  readonly changed: boolean;
  /** Lines on the screen, and how many of them bear paint in the end. */
  readonly visible: number;
  readonly painted: number;
}

interface ClockPage {
  answer?: Promise<Answer>;
}

/** How the clock is set. */
interface Clock {
  readonly event: 'keydown' | 'wheel';
  /** Milliseconds without a change that end the watching. */
  readonly quiet: number;
  /** Watch begins with an event, yet only counts once an editor of this name shows. */
  readonly editor: string | null;
  /** Do not wait for the daemon’s answer. */
  readonly ignoreBusy: boolean;
}

/** Runs in the page. A frame counts when it was laid out and painted: a message posted in it arrives after that. */
function arm({ event, quiet, editor: name }: Clock): void {
  const LIMIT = 20_000;
  const editorOf = (): Element | null =>
    document.querySelector(`.editor-instance .monaco-editor${name === null ? '' : `[data-uri$="/${name}"]`}`);
  const topOf = (element: Element): string => (element as HTMLElement).style.top;
  const look = (): { text: string; paint: Map<string, string>; visible: number } => {
    const editor = editorOf();
    if (editor === null) return { text: '', paint: new Map(), visible: 0 };
    // Style alone: asking for boxes would make the editor lay out its lines again.
    const content = editor.querySelector<HTMLElement>('.lines-content')!;
    const shift = Number.parseFloat(content.style.top || '0');
    const height = editor.clientHeight;
    const isSeen = (element: Element): boolean => {
      const y = Number.parseFloat(topOf(element)) + shift;
      return y >= 0 && y + 12 <= height;
    };
    const lines = [...editor.querySelectorAll('.view-lines > .view-line')].filter(isSeen);
    const paint = new Map<string, string>();
    for (const overlay of editor.querySelectorAll('.view-overlays > div'))
      if (isSeen(overlay)) {
        const boxes = [...overlay.querySelectorAll<HTMLElement>('.cdr[class*="ced-"]')];
        if (boxes.length > 0)
          paint.set(
            topOf(overlay),
            boxes.map(({ className, style: { left, width } }) => `${className} ${left} ${width}`).join(),
          );
      }
    const text = lines
      .sort((a, b) => Number.parseFloat(topOf(a)) - Number.parseFloat(topOf(b)))
      .map((line) => line.textContent)
      .join('\n');
    return { text, paint, visible: lines.length };
  };
  const busy = (): boolean =>
    document.querySelector('#ssae-studio\\.ssae-studio\\.ssae\\.status .codicon-loading') !== null;
  const holder = window as unknown as ClockPage;
  holder.answer = new Promise((resolve) => {
    addEventListener(
      event,
      ({ timeStamp }) => {
        const before = look();
        const frames: { ms: number; text: string; paint: Map<string, string> }[] = [];
        let last = before;
        let lastChange = 0;
        const same = (one: Map<string, string>, other: Map<string, string>): boolean =>
          one.size === other.size && [...one].every(([line, boxes]) => other.get(line) === boxes);
        const finish = (): void => {
          const moved = frames.find(({ text }) => text !== before.text);
          const isPainted = ({ paint }: { paint: Map<string, string> }): boolean =>
            [...last.paint.keys()].every((line) => paint.has(line));
          const since = (isDone: (frame: (typeof frames)[number]) => boolean): number => {
            let first = frames.length;
            while (first > 0 && frames[first - 1]!.text === last.text && isDone(frames[first - 1]!)) first--;
            return frames[first]?.ms ?? 0;
          };
          resolve({
            text: moved?.ms ?? null,
            lines: since(isPainted),
            paint: since(({ paint }) => same(paint, last.paint)),
            changed: frames.some((frame) => frame.text === last.text && !same(frame.paint, last.paint)),
            visible: last.visible,
            painted: last.paint.size,
          });
        };
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
          const ms = performance.now() - timeStamp;
          const seen = look();
          if (seen.text !== last.text || !same(seen.paint, last.paint)) lastChange = ms;
          if (lastChange === ms || frames.length === 0) frames.push({ ms, text: seen.text, paint: seen.paint });
          last = seen;
          const started = seen.text !== before.text && seen.visible > 0;
          if (ms > LIMIT || (started && ms - lastChange > quiet && !busy())) finish();
          else next();
        };
        const next = (): void => {
          requestAnimationFrame(() => {
            channel.port2.postMessage(0);
          });
        };
        next();
      },
      { capture: true, once: true },
    );
  });
}

/** Time from the event that `act` sends to the frame that answers it. */
export async function timed(
  page: Page,
  act: () => Promise<void>,
  { event = 'keydown', quiet = 250, editor = null, ignoreBusy = false }: Partial<Clock> = {},
): Promise<Answer> {
  await page.evaluate(arm, { event, quiet, editor, ignoreBusy });
  await act();
  return page.evaluate(() => (window as unknown as ClockPage).answer!);
}

/** Milliseconds from the next key press until a selector's element is on the screen with this text (a regular expression). */
export async function keyUntil(page: Page, key: string, selector: string, text: string): Promise<number> {
  await page.evaluate(
    ([css, pattern]) => {
      const wanted = new RegExp(pattern!);
      const shown = (): boolean =>
        [...document.querySelectorAll<HTMLElement>(css!)].some(
          (element) =>
            element.offsetParent !== null &&
            wanted.test(`${element.getAttribute('aria-label') ?? ''} ${element.textContent}`),
        );
      (window as unknown as { until: Promise<number> }).until = new Promise((resolve, reject) => {
        addEventListener(
          'keydown',
          ({ timeStamp }) => {
            const channel = new MessageChannel();
            const next = (): void => {
              requestAnimationFrame(() => {
                channel.port2.postMessage(0);
              });
            };
            channel.port1.onmessage = () => {
              const ms = performance.now() - timeStamp;
              if (shown()) resolve(ms);
              else if (ms > 10_000) reject(new Error(`no ${css} with ${pattern} within 10 s`));
              else next();
            };
            next();
          },
          { capture: true, once: true },
        );
      });
    },
    [selector, text],
  );
  await page.keyboard.press(key);
  return page.evaluate(() => (window as unknown as { until: Promise<number> }).until);
}
