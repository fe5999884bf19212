import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Job, JobDetail } from '../../server/protocol/jobs.ts';
import type { Studio } from '../studio.ts';
import type { ExperimentDiagnostics } from './experiment-diagnostics.ts';
import { isExperiment } from './experiment-files.ts';
import type { ExperimentJobs } from './experiment-jobs.ts';

const MAX_VERDICT = 400;

/** What the commands about experiments share. */
export interface Experiments {
  readonly studio: Studio;
  readonly jobs: ExperimentJobs;
  readonly diagnostics: ExperimentDiagnostics;
}

/** Saves an experiment, runs it as a job, and tells what came of it. The job goes on when the window is closed. */
export async function runExperiment(experiments: Experiments, given: vscode.Uri | undefined): Promise<void> {
  const document = await savedExperiment(given);
  if (document === null) return;
  const { studio, jobs, diagnostics } = experiments;
  const known = jobs.of(document.uri);
  if (known?.state.kind === 'running' || known?.state.kind === 'queued') {
    await tellRunning(document.uri);
    return;
  }
  diagnostics.forget(document.uri);
  const job = await start(studio, document.uri, known);
  jobs.note(job, document.uri);
  const ended = await studio.jobs.settled(job.id);
  if (ended.state.kind === 'failed') {
    diagnostics.refuse(document, ended.state.error.message);
    throw new Error(firstLines(ended.state.error.message));
  }
  if (ended.state.kind === 'done') await tellVerdict(await studio.jobs.show(job.id));
}

/** A run that was paused goes on; its file is read again, so what was changed is taken up. */
async function start({ jobs }: Studio, uri: vscode.Uri, known: Job | undefined): Promise<Job> {
  if (known?.state.kind !== 'paused')
    return jobs.start({ kind: 'experiment', request: { file: uri.fsPath, output: null } });
  await jobs.resume(known.id);
  return known;
}

/** The experiment of a command as a file on the disk; null where the user gave up. */
async function savedExperiment(given: vscode.Uri | undefined): Promise<vscode.TextDocument | null> {
  const uri = given ?? vscode.window.activeTextEditor?.document.uri;
  if (uri === undefined || !isExperiment(uri)) {
    void vscode.window.showInformationMessage(vscode.l10n.t('Open an experiment first: a file named NAME.ssae.json.'));
    return null;
  }
  const document = await vscode.workspace.openTextDocument(uri);
  if (!document.isDirty && !document.isUntitled) return onDisk(document);
  if (!document.isUntitled) return (await document.save()) ? onDisk(document) : null;
  const saved = await vscode.workspace.save(uri);
  return saved === undefined ? null : onDisk(await vscode.workspace.openTextDocument(saved));
}

/** @throws for a file that the daemon cannot read by a path */
function onDisk(document: vscode.TextDocument): vscode.TextDocument {
  const { scheme, path } = document.uri;
  if (scheme === 'file' || scheme === 'vscode-remote') return document;
  throw new Error(vscode.l10n.t('{0} is not on a disk, so it cannot be run.', path));
}

async function tellRunning(uri: vscode.Uri): Promise<void> {
  const show = vscode.l10n.t('Show Jobs');
  const message = vscode.l10n.t('{0} is running already.', basename(uri.path));
  if ((await vscode.window.showInformationMessage(message, show)) === show)
    await vscode.commands.executeCommand('ssae.jobs.focus');
}

async function tellVerdict({ title, result }: JobDetail): Promise<void> {
  if (result === null || !('verdict' in result)) return;
  const open = vscode.l10n.t('Open Report');
  const message = `${title}: ${firstLines(result.verdict)}`;
  if ((await vscode.window.showInformationMessage(message, open)) === open)
    await vscode.commands.executeCommand('ssae.showReport', { report: result.report });
}

/** A notification is read in passing: the first sentence, and more of them while they are short. */
function firstLines(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  let shown = lines[0]!;
  for (const line of lines.slice(1)) {
    if (shown.length + line.length > MAX_VERDICT) return `${shown} …`;
    shown = `${shown} ${line}`;
  }
  return shown;
}

/** Shows the report of the run of a file that was done last. */
export async function showLastRun({ jobs }: Experiments, given: vscode.Uri | undefined): Promise<void> {
  const uri = given ?? vscode.window.activeTextEditor?.document.uri;
  const run = uri === undefined || !isExperiment(uri) ? null : await jobs.lastRun(uri);
  if (run === null) {
    void vscode.window.showInformationMessage(vscode.l10n.t('This experiment was not run to its end yet.'));
    return;
  }
  const report = vscode.Uri.joinPath(vscode.Uri.file(run.folder), 'report.html');
  await vscode.commands.executeCommand('ssae.showReport', { report: report.fsPath });
}
