import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

async function languageAfter(language: string): Promise<string> {
  class Navigator {
    get language(): string {
      return language;
    }
  }
  vi.stubGlobal('navigator', new Navigator());
  // @ts-expect-error It exports nothing.
  await import('./language.ts');
  return navigator.language;
}

describe('the language that charts write numbers in', () => {
  it.each(['de-AT', 'en-US'])('is the browser’s: %s', async (language) => {
    expect(await languageAfter(language)).toBe(language);
  });

  it('is English where the browser names one that there is not', async () => {
    expect(await languageAfter('en-US@posix')).toBe('en');
  });
});
