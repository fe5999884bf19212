import { expect, test } from '@playwright/test';
import { expectAccessible } from './accessibility.mts';

const page = (body: string): string =>
  `<!doctype html><html lang="en"><head><title>Page</title></head><body><main><h1>Page</h1>${body}</main></body></html>`;

test('a page with labels and contrast is found accessible', async ({ page: window }) => {
  await window.setContent(page('<label>Name <input></label><p>Text that can be read.</p>'));
  await expectAccessible(window.mainFrame());
});

test('a field without a label and pale text are found', async ({ page: window }) => {
  await window.setContent(page('<input><p style="color: #ccc; background: #fff">Pale text.</p>'));
  await expect(expectAccessible(window.mainFrame())).rejects.toThrow(/color-contrast[^]*label|label[^]*color-contrast/);
});
