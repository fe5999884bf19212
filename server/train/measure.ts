import type { Engine, EngineDictionary } from '../compute/engine.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { WorkError } from '../foundation/errors.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import type { TrainResult } from '../protocol/results.ts';
import { densitiesOf } from '../sae/densities.ts';
import type { Dictionary, FeatureDensities } from '../sae/dictionary.ts';
import { reconstruct } from '../sae/reconstruct.ts';
import { ActivationReader } from './activation-reader.ts';
import type { HeldOutSplit, RowRange } from './held-out-split.ts';

/** Rows encoded at a time. */
const CHUNK_ROWS = 4096;

function* chunks(ranges: Iterable<RowRange>): Generator<RowRange[]> {
  let chunk: RowRange[] = [];
  let room = CHUNK_ROWS;
  for (const range of ranges)
    for (let first = range.first; first < range.end;) {
      const end = Math.min(range.end, first + room);
      chunk.push({ first, end });
      room -= end - first;
      first = end;
      if (room > 0) continue;
      yield chunk;
      chunk = [];
      room = CHUNK_ROWS;
    }
  if (chunk.length > 0) yield chunk;
}

/** Fewer held-out rows than this say little of rare features: training rows are counted with them. */
const DENSITY_ROWS = 65_536;
const BLOCK_ROWS = 128;

/** Blocks of `ranges` at even distances that hold about `rows` rows. */
function* evenly(ranges: readonly RowRange[], total: number, rows: number): Generator<RowRange> {
  const share = Math.min(1, rows / total);
  let [seen, taken] = [0, 0];
  for (const range of ranges)
    for (let first = range.first; first < range.end; first += BLOCK_ROWS) {
      const end = Math.min(range.end, first + BLOCK_ROWS);
      seen += end - first;
      if (taken >= share * seen) continue;
      taken += end - first;
      yield { first, end };
    }
}

export interface HeldOutMeasurement {
  readonly final: Omit<TrainResult['final'], 'effectiveSampleSize'>;
  /** Over the held-out rows and, where those are fewer than 65,536, training rows at even distances to make up that number. */
  readonly densities: FeatureDensities;
}

/** Adds training rows to `fires` [d_sae] where the held-out ones are too few. @returns their number */
async function countTraining(
  dictionary: EngineDictionary,
  reader: ActivationReader,
  { training, trainingRows, heldOutRows }: HeldOutSplit,
  fires: Uint32Array,
  control: JobControl,
  resumeHint: string,
): Promise<number> {
  const total = Math.min(trainingRows, DENSITY_ROWS - heldOutRows);
  let rows = 0;
  for (const chunk of chunks(evenly(training, trainingRows, total))) {
    throwIfStopped(control, resumeHint);
    const { offsets, features } = await dictionary.encode(await reader.read(chunk));
    for (const feature of features) fires[feature]!++;
    rows += offsets.length - 1;
    control.report({ stage: 'counting how often features fire', done: rows, total, unit: 'tokens' });
  }
  return rows;
}

/**
 * What the stored dictionary does on the held-out rows, in the units of the raw activations (x of a transcoder: its targets):
 * l0 = mean count of active features; explainedVariance = 1 − Σ‖x−x̂‖² / Σ‖x−x̄‖², x̄ over all held-out rows (0 where they are all equal); mse = Σ‖x−x̂‖² / (rows · d_out);
 * deadShare = share of features that fire on none of them.
 */
export async function measureHeldOut(
  engine: Engine,
  { shape, parameters }: Pick<Dictionary, 'shape' | 'parameters'>,
  data: ActivationFolder,
  split: HeldOutSplit,
  control: JobControl,
  resumeHint: string,
): Promise<HeldOutMeasurement> {
  const { dOut, dSae } = shape;
  await using dictionary = await engine.dictionary(shape, parameters);
  const reader = new ActivationReader(data);
  const targetReader = data.targets === undefined ? null : new ActivationReader(data.targets);
  const fires = new Uint32Array(dSae);
  // Moments around b_dec, which lies amid the rows: around zero a large common mean would drown the variance.
  const sum = new Float64Array(dOut);
  let square = 0;
  let error = 0;
  let active = 0;
  let rows = 0;
  for (const chunk of chunks(split.heldOut)) {
    throwIfStopped(control, resumeHint);
    const inputs = await reader.read(chunk);
    const targets = (await targetReader?.read(chunk)) ?? inputs;
    const features = await dictionary.encode(inputs);
    const reconstruction = await reconstruct(dictionary, parameters, features, inputs);
    for (const feature of features.features) fires[feature]!++;
    active += features.features.length;
    targets.forEach((value, at) => {
      const offset = value - parameters.decoderBias[at % dOut]!;
      sum[at % dOut]! += offset;
      square += offset * offset;
      error += (value - reconstruction[at]!) ** 2;
    });
    rows += targets.length / dOut;
    control.report({ stage: 'measuring held-out rows', done: rows, total: split.heldOutRows, unit: 'tokens' });
  }
  if (!Number.isFinite(error))
    throw new WorkError(
      'the held-out rows hold a value that is not finite (NaN or infinity), or the dictionary does; harvest again',
    );
  const variance = square - sum.reduce((total, value) => total + value * value, 0) / rows;
  const final = {
    l0: active / rows,
    explainedVariance: variance > 0 ? 1 - error / variance : 0,
    mse: error / (rows * dOut),
    deadShare: fires.reduce((dead, count) => dead + (count === 0 ? 1 : 0), 0) / dSae,
  };
  rows += await countTraining(dictionary, reader, split, fires, control, resumeHint);
  return { final, densities: densitiesOf(fires, rows) };
}
