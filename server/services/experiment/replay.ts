import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobControl } from '../../foundation/progress.ts';
import type { ReplayedFile, ReplayResult, RunReference } from '../../protocol/runs.ts';
import type { Resources } from '../resources.ts';
import { resolveInputs, type RunInput } from './experiment-inputs.ts';
import { planExperiment } from './experiment-plan.ts';
import { performRun, reproducibleFiles } from './run-experiment.ts';
import { findRun, RunFolder } from './run-folder.ts';

function comparedInputs(recorded: readonly RunInput[], found: readonly RunInput[]): ReplayedFile[] {
  const keyOf = ({ kind, name }: RunInput): string => `${kind} ${name}`;
  const now = new Map(found.map((input) => [keyOf(input), input.contentHash]));
  const known = new Set(recorded.map(keyOf));
  const fresh = found.filter((input) => !known.has(keyOf(input)));
  return [
    ...recorded.map((input): ReplayedFile => {
      const hash = now.get(keyOf(input)) ?? null;
      const state = hash === null ? 'missing' : hash === input.contentHash ? 'identical' : 'changed';
      const { contentHash: recordedHash } = input;
      return { path: keyOf(input), kind: 'input', state, recorded: recordedHash, found: hash, replayed: null };
    }),
    ...fresh.map((input): ReplayedFile => ({
      ...{ path: keyOf(input), kind: 'input', state: 'changed', recorded: '' },
      ...{ found: input.contentHash, replayed: null },
    })),
  ];
}

function comparedOutputs(
  recorded: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
  replayed: Readonly<Record<string, string>>,
): ReplayedFile[] {
  return [...new Set([...Object.keys(recorded), ...Object.keys(replayed)])].sort().map((path) => {
    const [was, is, again] = [recorded[path] ?? '', found[path] ?? null, replayed[path] ?? null];
    const onDisk = is === null ? 'missing' : is === was ? 'identical' : 'changed';
    const state = again === was ? onDisk : 'differs';
    return { path, kind: 'output', state, recorded: was, found: is, replayed: again };
  });
}

/**
 * Does a run again from its own record, taking nothing from earlier work but its corpora, and compares every file with what the run
 * recorded and with what is on the disk. Where what the run read has changed, nothing is computed: it cannot be reproduced.
 */
export async function replayRun(
  { run }: RunReference,
  resources: Resources,
  control: JobControl,
): Promise<ReplayResult> {
  const started = performance.now();
  const folder = await findRun(resources.home, run);
  const { experiment, file } = await folder.start();
  const manifest = await folder.manifest();
  const inputs = await resolveInputs(experiment, manifest.engine, resources, control);
  const compared = comparedInputs(manifest.inputs, inputs.recorded);
  const ended = (files: readonly ReplayedFile[], note: string | null): ReplayResult => {
    const identical = files.every(({ state }) => state === 'identical');
    return { run: folder.reference, identical, files, note, seconds: (performance.now() - started) / 1000 };
  };
  if (compared.some(({ state }) => state !== 'identical'))
    return ended(compared, 'what the run read has changed since, so nothing was computed again');
  const place = join(resources.home.runs, `.replay-${manifest.identity.slice(0, 16)}`);
  const again = new RunFolder(place, place);
  const parts = { experiment, inputs, plan: planExperiment(experiment) };
  await performRun(parts, { file, folder: again, index: null }, resources, control);
  const outputs = comparedOutputs(manifest.files, await reproducibleFiles(folder), await reproducibleFiles(again));
  await rm(place, { recursive: true });
  const note =
    manifest.engine === inputs.engine
      ? null
      : `the run was computed by ${manifest.engine}, the replay by ${inputs.engine}`;
  return ended([...compared, ...outputs], note);
}
