import { useEffect, useLayoutEffect, useState } from 'preact/hooks';

export type Theme = 'light' | 'dark';

/** The reader's colour scheme, also on the root element for the style sheet: the editor's in a panel of it, else the browser's. Paper is always light. */
export function useTheme(): Theme {
  const [theme, setTheme] = useState<Theme>(preferred);
  useLayoutEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => {
      setTheme(preferred());
    };
    const print = (): void => {
      setTheme('light');
    };
    const editor = new MutationObserver(follow);
    editor.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    scheme.addEventListener('change', follow);
    addEventListener('beforeprint', print);
    addEventListener('afterprint', follow);
    return (): void => {
      editor.disconnect();
      scheme.removeEventListener('change', follow);
      removeEventListener('beforeprint', print);
      removeEventListener('afterprint', follow);
    };
  }, []);
  return theme;
}

/** Classes that the editor gives the body of a panel by its theme. */
const EDITOR_THEMES: readonly (readonly [name: string, theme: Theme])[] = [
  ['vscode-high-contrast-light', 'light'],
  ['vscode-high-contrast', 'dark'],
  ['vscode-dark', 'dark'],
  ['vscode-light', 'light'],
];

function preferred(): Theme {
  if (matchMedia('print').matches) return 'light';
  const ofEditor = EDITOR_THEMES.find(([name]) => document.body.classList.contains(name));
  if (ofEditor !== undefined) return ofEditor[1];
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
