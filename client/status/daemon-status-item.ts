import * as vscode from 'vscode';
import type { DaemonLink, DaemonState } from '../daemon/daemon-link.ts';

/** Status bar item: what the daemon is doing; a click shows the log. Hidden until the daemon was needed. */
export function createDaemonStatusItem(link: DaemonLink): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('ssae.daemon', vscode.StatusBarAlignment.Right, 50);
  item.name = vscode.l10n.t('SSAE Studio');
  item.command = 'ssae.showLog';
  const show = (state: DaemonState): void => {
    const { text, tooltip, severity } = describeState(state);
    item.text = text;
    item.tooltip = tooltip;
    item.backgroundColor = severity === 'error' ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
    item.accessibilityInformation = { label: tooltip };
    if (state.kind !== 'idle') item.show();
  };
  show(link.state);
  return vscode.Disposable.from(item, link.onDidChangeState(show));
}

function describeState(state: DaemonState): { text: string; tooltip: string; severity: 'normal' | 'error' } {
  switch (state.kind) {
    case 'idle':
      return {
        text: '$(circle-outline) SSAE',
        tooltip: vscode.l10n.t('The SSAE Studio daemon is not connected; it starts when it is needed.'),
        severity: 'normal',
      };
    case 'starting':
      return {
        text: '$(loading~spin) SSAE',
        tooltip: vscode.l10n.t('The SSAE Studio daemon is starting…'),
        severity: 'normal',
      };
    case 'ready':
      return {
        text: '$(check) SSAE',
        tooltip: vscode.l10n.t('The SSAE Studio daemon {0} is ready (process {1}).', state.version, state.pid),
        severity: 'normal',
      };
    case 'failed':
      return { text: '$(error) SSAE', tooltip: state.message, severity: 'error' };
  }
}
