import * as vscode from 'vscode';
import { command } from '../commands/command.ts';
import { createReports } from '../reports/report-commands.ts';
import type { Studio } from '../studio.ts';
import { ExperimentDiagnostics } from './experiment-diagnostics.ts';
import { ExperimentJobs } from './experiment-jobs.ts';
import { ExperimentLenses } from './experiment-lenses.ts';
import { newExperiment } from './new-experiment.ts';
import { runExperiment, showLastRun } from './run-experiment.ts';

/** Experiments in the editor: the row above their files, what is wrong with them, their runs and reports. */
export function createExperiments(studio: Studio): vscode.Disposable {
  const { log } = studio;
  const jobs = new ExperimentJobs(studio);
  const diagnostics = new ExperimentDiagnostics(studio);
  const experiments = { studio, jobs, diagnostics };
  return vscode.Disposable.from(
    ...[jobs, diagnostics, new ExperimentLenses(studio, jobs), createReports(studio)],
    command(log, 'ssae.newExperiment', () => newExperiment(studio)),
    command(log, 'ssae.runExperiment', (uri?: vscode.Uri) => runExperiment(experiments, uri)),
    command(log, 'ssae.showLastRun', (uri?: vscode.Uri) => showLastRun(experiments, uri)),
  );
}
