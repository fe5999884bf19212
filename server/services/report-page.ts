import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { WorkError } from '../foundation/errors.ts';
import { shippedFile } from '../foundation/package-root.ts';
import type { ReportData } from '../protocol/report.ts';

/** A part of webviews/report's build, to be put between the tags of `element`. */
async function bundled(file: string, element: 'script' | 'style'): Promise<string> {
  const path = shippedFile('dist', 'webviews', file);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new WorkError(`the report's page cannot be read from ${path}; run "npm run build"`, { cause });
  });
  if (text.toLowerCase().includes(`</${element}`) || text.includes('<!--') || text.includes('\r'))
    throw new WorkError(`${path} cannot stand inside a <${element}> element; run "npm run build"`);
  return text;
}

const sourceOf = (text: string): string => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);

/** Without script, what the report comes to can still be read. */
function withoutScript({ title, verdict, notes }: ReportData): string {
  const paragraphs = [...verdict, ...notes].map((text) => `<p>${escaped(text)}</p>`).join('\n');
  return `<h1>${escaped(title)}</h1>\n${paragraphs}\n<p>Tables and plots are drawn by this page's own script, which is switched off.</p>`;
}

/**
 * A report as one HTML file that needs no network and allows none: its content security policy admits the inlined script and
 * style by their hashes and nothing else.
 * @throws WorkError when the webview's build is missing
 */
export async function reportPage(data: ReportData): Promise<string> {
  const [script, style] = await Promise.all([bundled('report.js', 'script'), bundled('report.css', 'style')]);
  const policy = `default-src 'none'; script-src ${sourceOf(script)}; style-src ${sourceOf(style)}; base-uri 'none'; form-action 'none'`;
  // No "<" is left, so the text cannot end its own element.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="SSAE Studio">
<title>${escaped(data.title)}</title>
<style>${style}</style>
</head>
<body>
<noscript>
${withoutScript(data)}
</noscript>
<div id="page"></div>
<script type="application/json" id="report">${json}</script>
<script>${script}</script>
</body>
</html>
`;
}
