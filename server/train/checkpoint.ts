/** A run's state in one file, replaced atomically: after a crash at any moment it holds the old state or the new one, whole. */
import { rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import {
  buildParameters,
  parameterLengths,
  type DictionaryParameters,
  type EngineShape,
  type ParameterName,
  type TrainingState,
} from '../compute/engine.ts';
import { messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import { SafetensorsFile, writeSafetensors, type TensorData } from '../foundation/safetensors.ts';
import { TrainingPoint } from '../foundation/training-point.ts';

const Progress = z.object({
  /** What the run is of; a checkpoint is only taken up by an equal run. */
  run: z.record(z.string(), z.unknown()),
  steps: z.int().min(0),
  /** Adam's step count. */
  adamSteps: z.int().min(0),
  /** Rows dealt so far. */
  position: z.int().min(0),
  scale: z.object({ input: z.number().positive(), output: z.number().positive() }),
  /** Moving average of a batchtopk run, on scaled activations; null for others and where nothing fired yet. */
  threshold: z.number().nullable(),
  seconds: z.number().min(0),
  /** Times of the latest steps. */
  milliseconds: z.array(z.number().min(0)),
  history: z.array(TrainingPoint),
  /** Where one engine went on for another. */
  engineChanges: z
    .array(z.object({ from: z.string(), to: z.string(), step: z.int().min(0), why: z.string() }))
    .readonly()
    .default([]),
});

/** Chance needs no state of its own: everything is drawn from the seed and the step. */
export type CheckpointProgress = z.infer<typeof Progress>;

export interface Checkpoint extends CheckpointProgress {
  readonly state: TrainingState;
}

const PARTS = ['parameters', 'firstMoment', 'secondMoment'] as const;

/** Beside the dictionary's folder, because that folder appears in one piece when training is done. */
export function checkpointPath(outputFolder: string): string {
  return `${outputFolder}.checkpoint.safetensors`;
}

/**
 * @throws WorkError when a value is not finite or the disk refuses; the checkpoint that was there stays.
 */
export async function writeCheckpoint(path: string, shape: EngineShape, checkpoint: Checkpoint): Promise<void> {
  const { state, ...progress } = checkpoint;
  const tensors: Record<string, TensorData> = {};
  for (const part of PARTS)
    for (const [key, length] of parameterLengths(shape)) {
      const data = state[part][key]!;
      if (!data.every(Number.isFinite))
        throw new WorkError(
          `after step ${progress.steps} the dictionary's ${part}.${key} holds values that are not finite; lower the learning rate. The checkpoint before it is kept.`,
        );
      tensors[`${part}.${key}`] = { dtype: 'F32', shape: [length], data };
    }
  tensors['tokensSinceFired'] = { dtype: 'F64', shape: [shape.dSae], data: state.tokensSinceFired };
  await writeSafetensors(path, tensors, { progress: JSON.stringify(progress) }).catch((error: unknown) => {
    throw new WorkError(
      `the checkpoint of step ${progress.steps} was not written: ${messageOf(error)} Make room for it and go on with --resume.`,
      { cause: error },
    );
  });
}

async function readParameters(file: SafetensorsFile, part: string, shape: EngineShape): Promise<DictionaryParameters> {
  const arrays = new Map<ParameterName, Float32Array>();
  for (const [key, length] of parameterLengths(shape)) {
    const name = `${part}.${key}`;
    const size = file.entry(name).shape.reduce((product, each) => product * each, 1);
    if (size !== length) throw new WorkError(`${file.path}: ${name} has ${size} values, expected ${length}`);
    arrays.set(key, await file.float32(name));
  }
  return buildParameters(shape, (key) => arrays.get(key)!);
}

/** Paths at which two JSON values differ, with both values: `plan.batch: 2048 in the checkpoint, 1024 now`. */
function differences(before: unknown, now: unknown, path = ''): string[] {
  const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object';
  if (isObject(before) && isObject(now))
    return [...new Set([...Object.keys(before), ...Object.keys(now)])].flatMap((key) =>
      differences(before[key], now[key], path === '' ? key : `${path}.${key}`),
    );
  const [was, is] = [JSON.stringify(before), JSON.stringify(now)];
  return was === is ? [] : [`${path}: ${was} in the checkpoint, ${is} now`];
}

/**
 * @param run what is about to be resumed
 * @returns null when there is no checkpoint
 * @throws UsageError saying what differs when the checkpoint is of another run, WorkError when the file is damaged
 */
export async function readCheckpoint(
  path: string,
  shape: EngineShape,
  run: CheckpointProgress['run'],
): Promise<Checkpoint | null> {
  if ((await stat(path).catch(() => null)) === null) return null;
  await using file = await SafetensorsFile.open(path);
  const progress = parseProgress(path, file.metadata['progress']);
  const differing = differences(progress.run, JSON.parse(JSON.stringify(run)));
  if (differing.length > 0)
    throw new UsageError(
      `--resume: the checkpoint ${path} is of another run (${differing.slice(0, 5).join('; ')}); repeat the command it was made with, or leave --resume out to start over`,
    );
  const silent = file.entry('tokensSinceFired');
  if (silent.dtype !== 'F64' || silent.shape.join() !== String(shape.dSae))
    throw new WorkError(`${path}: tokensSinceFired is ${silent.dtype} [${silent.shape.join(', ')}]`);
  return {
    ...progress,
    state: {
      parameters: await readParameters(file, 'parameters', shape),
      firstMoment: await readParameters(file, 'firstMoment', shape),
      secondMoment: await readParameters(file, 'secondMoment', shape),
      steps: progress.adamSteps,
      tokensSinceFired: new Float64Array((await file.bytes('tokensSinceFired')).buffer),
    },
  };
}

function parseProgress(path: string, text: unknown): CheckpointProgress {
  const damaged = (why: string): WorkError =>
    new WorkError(`${path} is not a checkpoint, or is damaged: ${why}; leave --resume out to start over`);
  if (typeof text !== 'string') throw damaged('it does not say how far training was');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(messageOf(error));
  }
  const parsed = Progress.safeParse(value);
  if (!parsed.success) throw damaged(z.prettifyError(parsed.error));
  return parsed.data;
}

/** How far a checkpoint is, and on which engine, whatever run it is of. @returns null when there is none @throws WorkError when it is damaged */
export async function readProgress(path: string): Promise<CheckpointProgress | null> {
  if ((await stat(path).catch(() => null)) === null) return null;
  await using file = await SafetensorsFile.open(path);
  return parseProgress(path, file.metadata['progress']);
}

export async function removeCheckpoint(path: string): Promise<void> {
  await rm(path, { force: true });
}
