import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { type Boot, BOOT_ELEMENT } from '../../server/protocol/panels/boot.ts';
import { setting } from '../settings.ts';

/** The panels' bundles are all that a page may load. */
const bundles = (extension: vscode.Uri): vscode.Uri => vscode.Uri.joinPath(extension, 'dist', 'webviews');

export function webviewOptions(extension: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [bundles(extension)] };
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);

/** The page of a panel with its words. */
export function webviewPage(
  webview: vscode.Webview,
  extension: vscode.Uri,
  { name, title, words }: { readonly name: string; readonly title: string; readonly words: Boot['words'] },
): string {
  const boot: Boot = { words, scale: setting('highlight.scale') };
  return pageWithData(webview, extension, { name, title, data: { [BOOT_ELEMENT]: boot } });
}

/**
 * A page that runs one bundle: its script and style sheet from dist/webviews/NAME, data as JSON in an element each, and a policy that
 * allows nothing else.
 */
export function pageWithData(
  webview: vscode.Webview,
  extension: vscode.Uri,
  { name, title, data }: { readonly name: string; readonly title: string; readonly data: Record<string, unknown> },
): string {
  const nonce = randomBytes(24).toString('base64');
  const address = (ending: string): string =>
    escaped(webview.asWebviewUri(vscode.Uri.joinPath(bundles(extension), `${name}.${ending}`)).toString());
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${webview.cspSource}; base-uri 'none'; form-action 'none'`;
  // No "<" is left, so the text cannot end its own element.
  const elements = Object.entries(data).map(([id, value]) => {
    const json = JSON.stringify(value).replaceAll('<', '\\u003c');
    return `<script type="application/json" id="${id}" nonce="${nonce}">${json}</script>`;
  });
  return `<!doctype html>
<html lang="${escaped(vscode.env.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="${address('css')}">
</head>
<body>
<div id="page"></div>
${elements.join('\n')}
<script nonce="${nonce}" src="${address('js')}"></script>
</body>
</html>
`;
}
