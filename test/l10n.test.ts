import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bundlePath, collect, messagesOf } from '../scripts/l10n.mjs';

describe('messages of the extension', () => {
  const { bundle, problems } = collect();

  it('are all in l10n/bundle.l10n.json (else: npm run l10n)', () => {
    expect(JSON.parse(readFileSync(bundlePath, 'utf8'))).toEqual(bundle);
  });

  it('go through vscode.l10n.t wherever they are shown', () => {
    expect(problems).toEqual([]);
  });

  it('are found by the long and by the short name of the function', () => {
    const text = "vscode.l10n.t('One'); const { t } = vscode.l10n; t('Two {0}', 2); other.t('Three');";
    expect(messagesOf('a.ts', text).messages).toEqual(['One', 'Two {0}']);
  });

  it('are missed where words are shown as they stand', () => {
    const text = `import * as vscode from 'vscode';
      window.showErrorMessage('It failed.', Retry);
      pick.placeholder = \`A feature of \${name}\`;
      window.showQuickPick(items, { title: open ? 'Open' : t('Close') });
      vscode.l10n.t(message);
      window.showQuickPick(items, { title: 'SSAE Studio', tooltip: '$(eye) 12 %' });`;
    const { problems } = messagesOf('a.ts', text);
    expect(messagesOf('a.ts', text.replace("'vscode'", "'./words.ts'")).problems).toEqual([]);
    expect(problems.map((each) => /^a.ts:(\d)/.exec(each)?.[1])).toEqual(['2', '3', '4', '5']);
  });
});
