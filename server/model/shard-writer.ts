import { join } from 'node:path';
import { WorkError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { streamSafetensors, toHalves } from '../foundation/safetensors.ts';
import { manifestPath, shardName, type HarvestDescription, type ShardManifest } from '../foundation/shard-manifest.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { HarvestSequence } from './activation-cache.ts';
import { activationChunks, rowsOf } from './activation-chunks.ts';
import type { LanguageModel } from './language-model.ts';

export const RESUME_HINT = 'shards that are whole are kept; the same command goes on from there';
/** The largest float16 number. */
const LARGEST_HALF = 65504;

export interface ShardToWrite {
  readonly folder: string;
  readonly harvest: HarvestDescription;
  readonly part: number;
  readonly sequences: readonly HarvestSequence[];
}

/** @throws WorkError naming row, text and what to do when a value is not finite, or too large for its type */
function refuseUnstorable(
  rows: Float32Array,
  firstRow: number,
  { key }: HarvestSequence,
  { harvest, part }: ShardToWrite,
): void {
  const { dIn, dtype, hookPoint, parts } = harvest;
  const limit = dtype === 'float16' ? LARGEST_HALF : Number.MAX_VALUE;
  for (let at = 0; at < rows.length; at++) {
    if (Math.abs(rows[at]!) <= limit) continue;
    const where = `row ${firstRow + Math.floor(at / dIn)} of ${shardName(part, parts)} (text ${key.replace('\n', ' ')})`;
    throw new WorkError(
      Number.isFinite(rows[at]!)
        ? `${where} holds ${rows[at]!.toPrecision(4)}, above the largest float16 number, 65504; use --dtype float32 and another folder`
        : `${where} holds a value that is not finite (NaN or infinity): the model gives it at ${hookPoint}; take the text out, or take the model in float32`,
    );
  }
}

/**
 * Reads a part's sequences through the model's head and writes what it gives: first the activations, [rows, d_model], then the manifest,
 * each under a temporary name that is then taken away. Several processes may write the same part: they write the same bytes.
 * @param onRows told how many more rows are written
 */
export async function writeShard(
  shard: ShardToWrite,
  model: LanguageModel,
  control: JobControl,
  onRows: (rows: number) => void,
): Promise<ShardManifest> {
  const { folder, harvest, part, sequences } = shard;
  const { dIn, dtype, hookPoint, parts } = harvest;
  const rows = sequences.reduce((sum, sequence) => sum + rowsOf(sequence), 0);
  const path = join(folder, shardName(part, parts));
  const pieces = async function* (): AsyncGenerator<Float32Array | Uint16Array> {
    let row = 0;
    for await (const chunk of activationChunks(model, hookPoint, sequences, control, RESUME_HINT)) {
      for (const [i, values] of chunk.activations.entries()) {
        refuseUnstorable(values, row, chunk.sequences[i]!, shard);
        yield dtype === 'float16' ? toHalves(values) : values;
        row += values.length / dIn;
        onRows(values.length / dIn);
      }
    }
  };
  const tensor = { dtype: dtype === 'float16' ? 'F16' : 'F32', shape: [rows, dIn] } as const;
  const written = await streamSafetensors(path, 'activations', tensor, pieces());
  const keys = sequences.map((sequence) => ({ key: sequence.key, rows: rowsOf(sequence) }));
  const manifest: ShardManifest = { format: 'ssae-activations-1', harvest, part, rows, ...written, sequences: keys };
  await writeFileAtomic(manifestPath(path), JSON.stringify(manifest));
  return manifest;
}
