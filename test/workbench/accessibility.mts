import axe from 'axe-core';
import { expect, type Frame } from '@playwright/test';

const SEVERE = ['serious', 'critical'];

/** What axe finds in a document that keeps people out: rule and elements. */
export async function severeViolations(frame: Frame): Promise<string[]> {
  await frame.evaluate(axe.source); // evaluate() is not subject to the page's policy, a script element is.
  const violations = await frame.evaluate(async () => {
    const page = globalThis as unknown as { readonly axe: typeof axe };
    const { violations } = await page.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.map(({ id, impact, nodes }) => ({ id, impact, elements: nodes.map(({ html }) => html) }));
  });
  return violations
    .filter(({ impact }) => SEVERE.includes(impact ?? ''))
    .map(({ id, elements }) => `${id}: ${elements.join(' ')}`);
}

/** Fails with every serious or critical violation. Give it `await workbench.webviewFrame()`. */
export async function expectAccessible(frame: Frame): Promise<void> {
  expect(await severeViolations(frame)).toEqual([]);
}
