import { describe, expect, it, vi } from 'vitest';

const Uri = {
  joinPath: (base: { path: string }, ...parts: string[]) => ({ path: [base.path, ...parts].join('/') }),
};
vi.mock('vscode', () => ({
  Uri,
  env: { language: 'en' },
  workspace: { getConfiguration: () => ({ get: () => 'log' }), onDidChangeConfiguration: vi.fn() },
}));

const { webviewPage } = await import('./panel-page.ts');
const { webviewOptions } = await import('./webview-page.ts');
const extension = { path: '/extension' } as never;
const webview = {
  cspSource: 'https://webview.test',
  asWebviewUri: ({ path }: { path: string }) => `https://webview.test${path}`,
} as never;

describe('the page of a panel', () => {
  const words = { a: '</script><script>alert(1)</script>' };
  const page = webviewPage(webview, extension, { name: 'feature', title: '<b>"x"</b>', words });

  it('allows its own script and style sheet and nothing else', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy!)?.[1];
    expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-[^']+'; style-src https:\/\/webview\.test; /);
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(Buffer.from(nonce!, 'base64')).toHaveLength(24);
    expect(page.match(/<script /g)).toHaveLength(2);
    expect(page.match(new RegExp(`nonce="${nonce!.replaceAll(/[+/]/g, '\\$&')}"`, 'g'))).toHaveLength(2);
    expect(webviewOptions(extension)).toEqual({
      enableScripts: true,
      localResourceRoots: [{ path: '/extension/dist/webviews' }],
    });
  });

  it('has another nonce each time', () => {
    const nonces = [1, 2].map(
      () => /nonce-([^']+)/.exec(webviewPage(webview, extension, { name: 'a', title: '', words }))?.[1],
    );
    expect(new Set(nonces).size).toBe(2);
  });

  it('cannot be ended by words or a title', () => {
    expect(page).not.toContain('<script>alert');
    expect(page).toContain('<title>&lt;b&gt;&quot;x&quot;&lt;/b&gt;</title>');
    const json = /id="boot"[^>]*>([^<]*)<\/script>/.exec(page)?.[1];
    expect(JSON.parse(json!)).toEqual({ words, scale: 'log' });
  });
});
