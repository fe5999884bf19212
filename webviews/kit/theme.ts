import { useEffect, useState } from 'preact/hooks';

/** Colours for what a canvas draws, which knows no style sheet. */
export interface Ink {
  readonly text: string;
  readonly grid: string;
  readonly page: string;
  /** One a series; told apart by dashes too, see `dashOf`. */
  readonly series: readonly string[];
  readonly font: string;
}

/** Without the editor's orange, which is half transparent in its own themes and too faint for a line. */
const SERIES = ['blue', 'red', 'green', 'purple', 'yellow', 'foreground'];
const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [10, 3, 2, 3], [14, 4], [4, 2], [8, 2, 2, 2]];

/** Lengths of line and gap, CSS pixels; empty for a solid line. */
export const dashOf = (place: number): number[] => [...DASHES[place % DASHES.length]!];
export const colourOf = ({ series }: Ink, place: number): string => series[place % series.length]!;

function read(): Ink {
  const style = getComputedStyle(document.body);
  const value = (name: string, fallback: string): string => style.getPropertyValue(name).trim() || fallback;
  const text = value('--vscode-foreground', style.color);
  return {
    text,
    grid: value('--line', text),
    page: value('--vscode-editor-background', style.backgroundColor),
    series: SERIES.map((name) => value(`--vscode-charts-${name}`, text)),
    font: `12px ${value('--vscode-font-family', 'sans-serif')}`,
  };
}

/** Follows the editor's colour theme, which changes the classes and variables of the page under it. */
export function useInk(): Ink {
  const [ink, setInk] = useState(read);
  useEffect(() => {
    const follow = (): void => {
      setInk((last) => {
        const next = read();
        return JSON.stringify(next) === JSON.stringify(last) ? last : next;
      });
    };
    const observer = new MutationObserver(follow);
    observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
    const forced = matchMedia('(forced-colors: active)');
    forced.addEventListener('change', follow);
    return (): void => {
      observer.disconnect();
      forced.removeEventListener('change', follow);
    };
  }, []);
  return ink;
}
