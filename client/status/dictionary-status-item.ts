import * as vscode from 'vscode';
import type { DaemonState } from '../daemon/daemon-state.ts';
import type { Highlights } from '../decorations/highlights.ts';
import type { MeasureChoice } from '../measure-choice.ts';
import type { Studio } from '../studio.ts';

/** Status bar: dictionary, what tokens are painted by, and how the daemon is; a click offers what can be changed. */
export function createDictionaryStatusItem(
  { link, dictionary }: Studio,
  highlights: Highlights,
  choice: MeasureChoice,
): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('ssae.status', vscode.StatusBarAlignment.Right, 50);
  item.name = 'SSAE Studio';
  item.command = 'ssae.statusMenu';
  const show = (): void => {
    const failure = link.state.kind === 'failed' ? link.state.failure.message : highlights.failure;
    const painting = highlights.on ? ` · ${choice.title}` : '';
    item.text = `${iconOf(link.state, highlights)} ${dictionary.name}${painting}`;
    item.backgroundColor = failure === null ? undefined : new vscode.ThemeColor('statusBarItem.errorBackground');
    item.tooltip = failure ?? tooltipOf(link.state, dictionary.name, highlights.on ? choice.title : null);
    item.accessibilityInformation = { label: `SSAE Studio: ${item.tooltip}` };
  };
  show();
  item.show();
  const subscriptions = [
    link.onDidChangeState(show),
    dictionary.onDidChange(show),
    highlights.onDidChange(show),
    choice.onDidChange(show),
  ];
  return vscode.Disposable.from(item, ...subscriptions);
}

function iconOf(state: DaemonState, { on, busy, failure }: Highlights): string {
  if (state.kind === 'failed' || failure !== null) return '$(error)';
  if (state.kind === 'starting' || busy) return '$(loading~spin)';
  return on ? '$(eye)' : '$(eye-closed)';
}

function tooltipOf(state: DaemonState, dictionary: string, painted: string | null): string {
  const { t } = vscode.l10n;
  const reads = t('Text is read with dictionary {0}.', dictionary);
  const paints = painted === null ? t('Highlighting is off.') : t('Tokens are painted by {0}.', painted);
  return `${reads} ${paints} ${daemonInWords(state)}`;
}

function daemonInWords(state: DaemonState): string {
  const { t } = vscode.l10n;
  switch (state.kind) {
    case 'idle':
      return t('The daemon starts when it is needed.');
    case 'lost':
      return t('The daemon (process {0}) ended unexpectedly.', state.pid);
    case 'starting':
      return t('The daemon is starting…');
    case 'ready':
      return t('The daemon {0} is ready (process {1}).', state.version, state.pid);
    case 'failed':
      return state.failure.message;
  }
}
