/** A run's state in one file, replaced atomically: after a crash at any moment it holds the old state or the new one, whole. */
import { rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import {
  buildParameters,
  isMatrix,
  parameterLengths,
  type DictionaryParameters,
  type Engine,
  type EngineShape,
  type EngineTrainer,
  type MomentStorage,
  type ParameterName,
  type StatePart,
} from '../compute/engine.ts';
import { narrowInPlace } from '../foundation/bfloat16.ts';
import { messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import { streamTensors } from '../foundation/safetensors-stream.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import { TrainingPoint } from '../foundation/training-point.ts';
import { stateAccessOf } from './state-access.ts';

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

const PARTS = ['parameters', 'firstMoment', 'secondMoment'] as const;

/** Beside the dictionary's folder, because that folder appears in one piece when training is done. */
export function checkpointPath(outputFolder: string): string {
  return `${outputFolder}.checkpoint.safetensors`;
}

/** Rows that are held at once on their way to or from the file. */
export const PIECE_BYTES = 64 * 2 ** 20;

interface Piece {
  readonly part: StatePart;
  readonly name: ParameterName;
  readonly first: number;
  readonly count: number;
}

/** Every element of a state once, in the file's order; whole rows. */
function* piecesOf(shape: EngineShape): Generator<Piece> {
  for (const part of PARTS)
    for (const [name, length] of parameterLengths(shape)) {
      const width = name === 'decoder' ? shape.dOut : name === 'encoder' || name === 'skip' ? shape.dIn : 1;
      const most = width * Math.max(1, Math.floor(PIECE_BYTES / (4 * width)));
      for (let first = 0; first < length; first += most)
        yield { part, name, first, count: Math.min(most, length - first) };
    }
}

/** What a run's state looks like. */
interface StateForm {
  readonly shape: EngineShape;
  /** Absent: float32. */
  readonly moments?: MomentStorage;
}

function isNarrow({ moments }: StateForm, part: StatePart, name: ParameterName): boolean {
  return moments === 'bfloat16' && part !== 'parameters' && isMatrix(name);
}

interface TensorForm {
  readonly dtype: 'F32' | 'BF16' | 'F64';
  readonly shape: readonly number[];
}

function tensorsOf(form: StateForm): Map<string, TensorForm> {
  const { shape } = form;
  const tensors = new Map<string, TensorForm>();
  for (const part of PARTS)
    for (const [name, length] of parameterLengths(shape))
      tensors.set(`${part}.${name}`, { dtype: isNarrow(form, part, name) ? 'BF16' : 'F32', shape: [length] });
  return tensors.set('tokensSinceFired', { dtype: 'F64', shape: [shape.dSae] });
}

/**
 * Writes the trainer's state and how far the run is, holding one piece of the state at a time where the engine gives pieces.
 * @throws WorkError when a value is not finite or the disk refuses; the checkpoint that was there stays.
 */
export async function writeCheckpoint(
  path: string,
  trainer: EngineTrainer,
  progress: Omit<CheckpointProgress, 'adamSteps'>,
): Promise<void> {
  const { shape } = trainer;
  const access = await stateAccessOf(trainer);
  const { steps, tokensSinceFired } = await access.counts();
  let broken: WorkError | null = null;
  const pieces = async function* (): AsyncGenerator<NodeJS.TypedArray> {
    for (const { part, name, first, count } of piecesOf(shape)) {
      const values = new Float32Array(count);
      await access.read(part, name, first, values);
      if (!values.every(Number.isFinite)) {
        broken = new WorkError(
          `after step ${progress.steps} the dictionary's ${part}.${name} holds values that are not finite; lower the learning rate. The checkpoint before it is kept.`,
        );
        throw broken;
      }
      yield isNarrow(trainer, part, name) ? narrowInPlace(values) : values;
    }
    yield tokensSinceFired;
  };
  const metadata = { progress: JSON.stringify(progressOf(progress, steps)) };
  await streamTensors(path, tensorsOf(trainer), pieces(), metadata).catch((error: unknown) => {
    if (broken !== null) throw broken;
    throw new WorkError(
      `the checkpoint of step ${progress.steps} was not written: ${messageOf(error)} Make room for it and go on with --resume.`,
      { cause: error },
    );
  });
}

/** In the order that checkpoints have always had. */
function progressOf(
  { scale, threshold, run, steps, ...rest }: Omit<CheckpointProgress, 'adamSteps'>,
  adamSteps: number,
): CheckpointProgress {
  return { scale, threshold, run, steps, adamSteps, ...rest };
}

/** Opens a trainer that goes on from a checkpoint, piece by piece where the engine takes pieces. */
export async function openTrainer(
  path: string,
  engine: Engine,
  { shape, moments }: StateForm,
  { adamSteps }: Pick<CheckpointProgress, 'adamSteps'>,
): Promise<EngineTrainer> {
  await using file = await SafetensorsFile.open(path);
  const trainer = await engine.trainer(shape, await readParameters(file, shape), moments);
  const access = await stateAccessOf(trainer);
  for (const { part, name, first, count } of piecesOf(shape))
    if (part !== 'parameters')
      await access.write(part, name, first, await file.float32(`${part}.${name}`, first, count));
  const silent = await file.bytes('tokensSinceFired');
  await access.finish({ steps: adamSteps, tokensSinceFired: new Float64Array(silent.buffer) });
  return trainer;
}

/** What a finished run trained, without its moments. */
export async function readTrained(path: string, shape: EngineShape): Promise<DictionaryParameters> {
  await using file = await SafetensorsFile.open(path);
  return await readParameters(file, shape);
}

async function readParameters(file: SafetensorsFile, shape: EngineShape): Promise<DictionaryParameters> {
  const arrays = new Map<ParameterName, Float32Array>();
  for (const [key] of parameterLengths(shape)) arrays.set(key, await file.float32(`parameters.${key}`));
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
 * How far a run is; its state is read by {@link openTrainer}.
 * @param run what is about to be resumed
 * @returns null when there is no checkpoint
 * @throws UsageError saying what differs when the checkpoint is of another run, WorkError when the file is damaged
 */
export async function readCheckpoint(
  path: string,
  form: StateForm,
  run: CheckpointProgress['run'],
): Promise<CheckpointProgress | null> {
  if ((await stat(path).catch(() => null)) === null) return null;
  await using file = await SafetensorsFile.open(path);
  const progress = parseProgress(path, file.metadata['progress']);
  const differing = differences(progress.run, JSON.parse(JSON.stringify(run)));
  if (differing.length > 0)
    throw new UsageError(
      `--resume: the checkpoint ${path} is of another run (${differing.slice(0, 5).join('; ')}); repeat the command it was made with, or leave --resume out to start over`,
    );
  for (const [name, { dtype, shape: expected }] of tensorsOf(form)) {
    const entry = file.entry(name);
    if (entry.dtype !== dtype || entry.shape.join() !== expected.join())
      throw new WorkError(
        `${path}: ${name} is ${entry.dtype} [${entry.shape.join(', ')}]; expected ${dtype} [${expected.join(', ')}]`,
      );
  }
  return progress;
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
