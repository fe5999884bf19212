import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Interrupted } from '../../foundation/errors.ts';
import { writeFileAtomic } from '../../foundation/files.ts';
import { productVersion } from '../../foundation/package-root.ts';
import type { JobControl } from '../../foundation/progress.ts';
import type { ReportData } from '../../protocol/report.ts';
import type { RunExperimentRequest, RunResult } from '../../protocol/runs.ts';
import { reportPage } from '../report-page.ts';
import type { Resources } from '../resources.ts';
import { readExperiment } from './experiment-file.ts';
import { identityOf, resolveInputs } from './experiment-inputs.ts';
import { planExperiment } from './experiment-plan.ts';
import { experimentReport } from './experiment-report.ts';
import { ExperimentSteps, stepNames, type ExperimentParts } from './experiment-steps.ts';
import { findOut, metricsOf } from './run-findings.ts';
import { placeForRun, REPORT, REPORT_DATA, type RunFolder } from './run-folder.ts';
import { hashesOf } from './step-cache.ts';

/** Folders whose files the same run gives again, byte for byte. */
const REPRODUCIBLE = ['selections', 'dictionaries', 'evaluations'] as const;

/** SHA-256 of every reproducible file of a run, by its path in the folder. */
export async function reproducibleFiles(folder: RunFolder): Promise<Record<string, string>> {
  const files: [string, string][] = [];
  for (const part of REPRODUCIBLE)
    for (const [name, hash] of Object.entries(await hashesOf(folder.at(part))))
      if (!name.endsWith('.checkpoint.safetensors')) files.push([`${part}/${name}`, hash]);
  return Object.fromEntries(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function reportStep(
  parts: ExperimentParts,
  steps: ExperimentSteps,
  file: string,
  folder: RunFolder,
  resources: Resources,
  control: JobControl,
): Promise<{ data: ReportData; findings: Awaited<ReturnType<typeof findOut>> }> {
  const findings = await findOut(parts, steps, folder);
  const depends = { file, path: folder.path, files: await reproducibleFiles(folder) };
  await steps.step('report', REPORT_DATA, depends, async () => {
    const data = await experimentReport(parts, findings, { file, folder }, resources, control);
    await writeFileAtomic(folder.at(REPORT_DATA), `${JSON.stringify(data, null, 1)}\n`);
  });
  const data = JSON.parse(await readFile(folder.at(REPORT_DATA), 'utf8')) as ReportData;
  return { data, findings };
}

export interface RunPlace {
  /** The experiment's file, for people. */
  readonly file: string;
  readonly folder: RunFolder;
  /** Where runs find each other's results; null to do everything again. */
  readonly index: string | null;
}

/** Does all steps of an experiment in a folder, and writes its report and its manifest. */
export async function performRun(
  parts: ExperimentParts,
  { file, folder, index }: RunPlace,
  resources: Resources,
  control: JobControl,
): Promise<RunResult> {
  const { experiment, inputs } = parts;
  const identity = identityOf(experiment, inputs);
  const started = new Date().toISOString();
  await folder.begin({
    ...{ identity, file, started, experiment, inputs: [...inputs.recorded], steps: stepNames(parts) },
  });
  const steps = new ExperimentSteps(parts, folder, index, resources, control);
  const { data, findings } = await reportStep(parts, steps, file, folder, resources, control);
  await writeFileAtomic(folder.at(REPORT), await reportPage(data));
  await folder.finish({
    ...{ kind: 'run', identity, config: experiment, inputs: [...inputs.recorded] },
    versions: { ssae: productVersion, format: 1 },
    ...{ engine: inputs.engine, seed: experiment.randomSeeds, verdict: [...data.verdict] },
    ...{ metrics: metricsOf(parts, findings), files: await reproducibleFiles(folder) },
  });
  return {
    ...{ run: folder.reference, experiment: experiment.name, folder: folder.path, steps: steps.done },
    ...{ report: folder.at(REPORT), verdict: data.verdict.join('\n') },
  };
}

/** The training says how to go on with itself; here the whole run goes on. */
function asInterruptedRun(error: unknown): unknown {
  return error instanceof Interrupted
    ? new Interrupted('what is done is kept; the same command goes on where it stopped')
    : error;
}

/**
 * Runs an experiment's file: retrieve, finetune, evaluate, report, one arm, objective and random seed at a time. What an earlier call
 * or another run has done already, from equal inputs and settings, is not done again.
 * @throws UsageError for a file that is wrong, Interrupted when it is stopped: the same call goes on
 */
export async function runExperiment(
  { file: given, output }: RunExperimentRequest,
  resources: Resources,
  control: JobControl,
): Promise<RunResult> {
  const { file, experiment } = await readExperiment(given);
  const plan = planExperiment(experiment);
  try {
    const inputs = await resolveInputs(experiment, null, resources, control);
    const folder = await placeForRun(resources.home, experiment.name, identityOf(experiment, inputs), output);
    const index = join(resources.home.cache, 'steps');
    return await performRun({ experiment, inputs, plan }, { file, folder, index }, resources, control);
  } catch (error) {
    throw asInterruptedRun(error);
  }
}
