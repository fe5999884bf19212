import { useEffect, useState } from 'preact/hooks';

export type Theme = 'light' | 'dark';

/** The reader's colour scheme; paper is always light. */
export function useTheme(): Theme {
  const [theme, setTheme] = useState<Theme>(preferred);
  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => {
      setTheme(preferred());
    };
    const print = (): void => {
      setTheme('light');
    };
    scheme.addEventListener('change', follow);
    addEventListener('beforeprint', print);
    addEventListener('afterprint', follow);
    return (): void => {
      scheme.removeEventListener('change', follow);
      removeEventListener('beforeprint', print);
      removeEventListener('afterprint', follow);
    };
  }, []);
  return theme;
}

function preferred(): Theme {
  return matchMedia('screen and (prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
