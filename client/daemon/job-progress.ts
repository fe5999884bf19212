import * as vscode from 'vscode';
import type { Job, JobDetail, JobProgress, JobSpec } from '../../server/protocol/jobs.ts';
import type { Studio } from '../studio.ts';
import { ProgressSteps, timeLeft } from './progress-steps.ts';

/** "5 min left". */
function leftText(seconds: number): string {
  const left = timeLeft(seconds);
  switch (left.kind) {
    case 'seconds':
      return vscode.l10n.t('{0} s left', left.seconds);
    case 'minutes':
      return vscode.l10n.t('{0} min left', left.minutes);
    case 'hours':
      return vscode.l10n.t('{0} h {1} min left', left.hours, left.minutes);
  }
}

function messageOf(progress: JobProgress, percent: number | null): string {
  const parts = [
    percent === null ? progress.stage : `${progress.stage} ${Math.floor(percent)} %`,
    ...(progress.note === null ? [] : [progress.note]),
    ...(progress.secondsLeft === null ? [] : [leftText(progress.secondsLeft)]),
  ];
  return parts.join(' · ');
}

/**
 * Starts a job and shows how far it is; cancelling the notification cancels the job. The job goes on when the window is closed.
 * @returns null for a job that was cancelled or paused
 * @throws what the job failed with
 */
export async function runJob({ jobs }: Studio, title: string, spec: JobSpec): Promise<JobDetail | null> {
  const { id } = await jobs.start(spec);
  const location = vscode.ProgressLocation.Notification;
  const ended = await vscode.window.withProgress({ location, title, cancellable: true }, async (bar, token) => {
    const steps = new ProgressSteps();
    const show = ({ id: changed, state }: Job): void => {
      if (changed !== id) return;
      if (state.kind === 'queued') bar.report({ message: vscode.l10n.t('waiting for other jobs') });
      if (state.kind !== 'running' || state.progress === null) return;
      const { increment, percent } = steps.next(state.progress);
      bar.report({ increment, message: messageOf(state.progress, percent) });
    };
    const subscription = vscode.Disposable.from(
      jobs.onDidChange(show),
      token.onCancellationRequested(() => void jobs.cancel(id)),
    );
    try {
      const known = jobs.get(id);
      if (known !== undefined) show(known);
      return await jobs.settled(id);
    } finally {
      subscription.dispose();
    }
  });
  if (ended.state.kind === 'failed') throw new Error(ended.state.error.message);
  return ended.state.kind === 'done' ? jobs.show(id) : null;
}
