import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exampleReport } from '../../webviews/report/example.ts';
import { shippedFile } from '../foundation/package-root.ts';
import type { ReportData } from '../protocol/report.ts';
import { reportPage } from './report-page.ts';

const between = (page: string, open: string, close: string): string => {
  const start = page.indexOf(open) + open.length;
  return page.slice(start, page.indexOf(close, start));
};
const sourceOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const scriptOf = (page: string): string => between(page, '<script>', '</script>');
const jsonOf = (page: string): string => between(page, '<script type="application/json" id="report">', '</script>');

const empty: ReportData = {
  ...{ title: '', verdict: [], notes: [], provenance: [], retrieval: [], dictionaries: [] },
  ...{ training: [], coverage: [], painted: null, seeds: [], hits: [] },
};

describe('the report page', () => {
  it('admits its own script and style by their hashes and nothing else', async () => {
    const page = await reportPage(exampleReport);
    const policy = between(page, 'http-equiv="Content-Security-Policy" content="', '"');
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${sourceOf(scriptOf(page))}`,
      `style-src ${sourceOf(between(page, '<style>', '</style>'))}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    // Nothing in the markup would be refused by that policy, or loaded from elsewhere.
    const markup = page.replace(scriptOf(page), '').replace(jsonOf(page), '');
    expect(markup).not.toMatch(/\s(?:src|href|style|on[a-z]+)=/);
  });

  it('keeps any text of the data inside its element', async () => {
    const nasty = fc.constantFrom(
      '</script>',
      '<!--',
      '<script>',
      '"',
      '&',
      '\u2028',
      '\\',
      "'",
      '</noscript>',
      '<img src=x>',
      'a',
    );
    const text = fc.array(nasty, { maxLength: 8 }).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, text, async (title, sentence) => {
        const page = await reportPage({ ...empty, title, verdict: [sentence], seeds: [sentence] });
        expect(JSON.parse(jsonOf(page))).toEqual({ ...empty, title, verdict: [sentence], seeds: [sentence] });
        expect(page.match(/<script/g)?.length).toBe((await reportPage(empty)).match(/<script/g)?.length);
        expect(between(page, '<noscript>', '</noscript>')).not.toMatch(/<(?!\/?(?:h1|p)>)/);
      }),
      { numRuns: 30 },
    );
  });

  it('says the verdict without script', async () => {
    const text = between(
      await reportPage({ ...empty, title: 'A < B', verdict: ['5 & 6'] }),
      '<noscript>',
      '</noscript>',
    );
    expect(text).toContain('<h1>A &lt; B</h1>');
    expect(text).toContain('<p>5 &amp; 6</p>');
  });

  it('is the same for the same data', async () => {
    expect(await reportPage(exampleReport)).toBe(await reportPage(exampleReport));
  });

  it('is small, and its script is whole', async () => {
    const bytes = ['report.js', 'report.css'].map((file) => statSync(shippedFile('dist', 'webviews', file)).size);
    expect(bytes[0]! + bytes[1]!).toBeLessThanOrEqual(150_000);
    // Without a page to draw on, it runs to its end and draws nothing.
    const document = { getElementById: () => null };
    const matchMedia = () => ({ addEventListener: () => undefined });
    const addEventListener = (): void => undefined;
    const navigator = { language: 'en-US@posix' };
    const script = scriptOf(await reportPage(empty));
    expect(() => {
      runInNewContext(script, { document, matchMedia, addEventListener, navigator, devicePixelRatio: 1 });
    }).not.toThrow();
  });
});
