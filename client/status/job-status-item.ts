import * as vscode from 'vscode';
import type { Job } from '../../server/protocol/jobs.ts';
import type { JobWatch } from '../daemon/job-watch.ts';
import { describeState, isTraining } from '../views/job-item.ts';

const REFRESH_MILLISECONDS = 500;

/** Status bar item: the job that runs and how far it is. A click shows its charts where it trains, else the Jobs view. */
export function createJobStatusItem(jobs: JobWatch): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('ssae.job', vscode.StatusBarAlignment.Right, 49);
  item.name = vscode.l10n.t('SSAE Studio Job');
  let timer: NodeJS.Timeout | null = null;
  const show = (): void => {
    timer = null;
    const running = jobs.all.filter(({ state }) => state.kind === 'running');
    const [first] = running;
    if (first === undefined) {
      item.hide();
      return;
    }
    item.text = `$(sync~spin) ${first.title} ${percentOf(first)}`.trimEnd();
    item.tooltip = running.map((job) => `${job.title}: ${describeState(job.state)}`).join('\n');
    item.accessibilityInformation = { label: item.tooltip };
    item.command = isTraining(first)
      ? { command: 'ssae.showTraining', title: vscode.l10n.t('Show Training'), arguments: [{ job: first.id }] }
      : 'ssae.jobs.focus';
    item.show();
  };
  const subscription = jobs.onDidChange(() => {
    timer ??= setTimeout(show, REFRESH_MILLISECONDS);
  });
  return vscode.Disposable.from(item, subscription, {
    dispose: () => {
      if (timer !== null) clearTimeout(timer);
    },
  });
}

function percentOf({ state }: Job): string {
  if (state.kind !== 'running' || state.progress?.total == null || state.progress.total === 0) return '';
  return `${Math.floor((100 * state.progress.done) / state.progress.total)} %`;
}
