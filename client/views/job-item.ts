import * as vscode from 'vscode';
import type { Job, JobProgress, JobState } from '../../server/protocol/jobs.ts';

const ICONS: Readonly<Record<JobState['kind'], readonly [icon: string, color: string | null]>> = {
  queued: ['clock', null],
  running: ['sync~spin', 'charts.blue'],
  paused: ['debug-pause', 'charts.yellow'],
  done: ['pass', 'charts.green'],
  failed: ['error', 'list.errorForeground'],
  cancelled: ['circle-slash', null],
};

/** One line of the Jobs view. The context value says what can be done: `job.running.train`. */
export class JobItem extends vscode.TreeItem {
  constructor(job: Job) {
    super(job.title);
    this.id = job.id;
    const [icon, color] = ICONS[job.state.kind];
    this.iconPath = new vscode.ThemeIcon(icon, color === null ? undefined : new vscode.ThemeColor(color));
    this.contextValue = `job.${job.state.kind}.${job.kind}`;
    const state = describeState(job.state);
    this.description = `${kindWords(job)} · ${state}`;
    this.tooltip = tooltipOf(job, state);
    this.accessibilityInformation = { label: `${job.title}, ${kindWords(job)}, ${state}` };
    if (isTraining(job))
      this.command = {
        command: 'ssae.showTraining',
        title: vscode.l10n.t('Show Training'),
        arguments: [{ job: job.id }],
      };
    else if (job.state.kind === 'done' && (job.kind === 'experiment' || job.kind === 'demo'))
      this.command = { command: 'ssae.showJobReport', title: vscode.l10n.t('Show Report'), arguments: [job] };
  }
}

export function isTraining({ kind }: Job): boolean {
  return kind === 'train' || kind === 'finetune';
}

function kindWords({ kind }: Job): string {
  switch (kind) {
    case 'ingest':
      return vscode.l10n.t('ingest');
    case 'retrieve':
      return vscode.l10n.t('retrieve');
    case 'train':
      return vscode.l10n.t('train');
    case 'finetune':
      return vscode.l10n.t('finetune');
    case 'evaluate':
      return vscode.l10n.t('evaluate');
    case 'demo':
      return vscode.l10n.t('demo');
    case 'experiment':
      return vscode.l10n.t('experiment');
  }
}

/** State in a few words: "63 %, 2 min left". */
export function describeState(state: JobState): string {
  switch (state.kind) {
    case 'queued':
      return vscode.l10n.t('waiting');
    case 'running':
      return state.progress === null ? vscode.l10n.t('starting') : describeProgress(state.progress);
    case 'paused':
      return pausedWords(state.reason);
    case 'done':
      return vscode.l10n.t('done');
    case 'failed':
      return vscode.l10n.t('failed');
    case 'cancelled':
      return vscode.l10n.t('cancelled');
  }
}

function pausedWords(reason: Extract<JobState, { kind: 'paused' }>['reason']): string {
  switch (reason) {
    case 'requested':
      return vscode.l10n.t('paused');
    case 'daemon stopped':
      return vscode.l10n.t('paused: the daemon was stopped');
    case 'daemon died':
      return vscode.l10n.t('paused: the daemon died');
  }
}

export function describeProgress({ stage, done, total, unit, secondsLeft }: JobProgress): string {
  if (total === null || total === 0)
    return done === 0 ? stage : `${stage}, ${done.toLocaleString(vscode.env.language)} ${unit}`;
  const percent = `${Math.floor((100 * done) / total)} %`;
  if (secondsLeft === null) return `${stage}, ${percent}`;
  return vscode.l10n.t('{0}, {1}, {2} left', stage, percent, durationOf(secondsLeft));
}

function durationOf(seconds: number): string {
  if (seconds < 60) return vscode.l10n.t('{0} s', Math.ceil(seconds));
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return vscode.l10n.t('{0} min', minutes);
  return vscode.l10n.t('{0} h {1} min', Math.floor(minutes / 60), minutes % 60);
}

function tooltipOf({ id, title, created, attempts, state }: Job, words: string): string {
  const lines = [title, words, vscode.l10n.t('Created {0}', new Date(created).toLocaleString(vscode.env.language))];
  if (attempts > 1) lines.push(vscode.l10n.t('Started {0} times', attempts));
  if (state.kind === 'running' && state.progress?.note != null) lines.push(state.progress.note);
  if (state.kind === 'failed') lines.push(state.error.message);
  return [...lines, id].join('\n');
}
