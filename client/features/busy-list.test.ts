import { describe, expect, it, vi } from 'vitest';

vi.mock('vscode', async () => ({
  ...(await import('../../test/cancellation-source.ts')),
  l10n: { t: (text: string) => text },
}));

const { whileShown } = await import('./busy-list.ts');
type List = Parameters<typeof whileShown>[0];

function list() {
  let hide = (): void => undefined;
  const shown = {
    ...{ title: 'Found', placeholder: 'Choose one', busy: false, ignoreFocusOut: false, isShown: false },
    show: () => (shown.isShown = true),
    onDidHide: (heard: () => void) => {
      hide = heard;
      return { dispose: () => (hide = () => undefined) };
    },
  };
  return {
    shown,
    asList: shown as unknown as List,
    hide: () => {
      hide();
    },
  };
}

describe('a list whose content is looked for', () => {
  it('stands from the beginning, says how far it is, and is itself again with what was found', async () => {
    const { shown, asList } = list();
    const during: unknown[] = [];
    const found = await whileShown(asList, 'Searching…', (_token, watch) => {
      during.push(shown.isShown, shown.busy, shown.ignoreFocusOut, shown.title);
      watch(0.437);
      during.push(shown.title);
      return Promise.resolve('it');
    });
    expect(during).toEqual([true, true, true, 'Searching…', 'Searching… 43 %']);
    expect(found).toBe('it');
    expect(shown).toMatchObject({ title: 'Found', placeholder: 'Choose one', busy: false, ignoreFocusOut: false });
  });

  it('ends the search when it is left, however that ends', async () => {
    for (const end of [() => Promise.resolve('late'), () => Promise.reject(new Error('interrupted'))]) {
      const { asList, hide } = list();
      const found = await whileShown(asList, 'Searching…', (token) => {
        hide();
        expect(token.isCancellationRequested).toBe(true);
        return end();
      });
      expect(found).toBeNull();
    }
  });

  it('says what went wrong', async () => {
    await expect(whileShown(list().asList, '', () => Promise.reject(new Error('no model')))).rejects.toThrow(
      'no model',
    );
  });
});
