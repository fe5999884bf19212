import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ActivationFolder, ActivationShard } from '../foundation/activation-folder.ts';
import { Claim } from '../foundation/claim.ts';
import { UsageError } from '../foundation/errors.ts';
import { folderBytes, readJson, writeFileAtomic } from '../foundation/files.ts';
import { sha256 } from '../foundation/hash.ts';
import type { JobControl } from '../foundation/progress.ts';
import { writeSafetensors } from '../foundation/safetensors.ts';
import { activationChunks, rowsOf } from './activation-chunks.ts';
import type { LanguageModel } from './language-model.ts';
import type { TextSequence } from './sequences.ts';

/** One text's run of tokens, with what it belongs to. */
export interface HarvestSequence extends TextSequence {
  /** The document or passage: rows of one key stay together when data is split. */
  readonly key: string;
}

/** Sequences to read through the model, streamed: a corpus need not fit into memory. */
export interface HarvestSource {
  /** Identifies the sequences, whatever they are read from: hashes of their texts. */
  readonly contentHash: string;
  /** About how many tokens come; for the estimate. */
  readonly tokens: number;
  sequences(): Iterable<HarvestSequence> | AsyncIterable<HarvestSequence>;
}

const SHARD_BYTES = 64 * 2 ** 20;
/** Activations kept before the oldest folders are deleted; SSAE_CACHE_BYTES sets another limit. */
const DEFAULT_LIMIT_BYTES = 20 * 2 ** 30;

/** A sweep that reads a folder may last this long after it was harvested. */
const RECENT_MS = 6 * 3_600_000;

/** Ending of the files in a folder that say who reads it: whoever clears caches leaves it alone. */
export const IN_USE = '.in-use';

const ShardRecord = z.object({
  rows: z.int().min(0),
  sequences: z.array(z.object({ key: z.string(), rows: z.int().min(0) })),
});

function limitBytes(): number {
  const given = Number(process.env['SSAE_CACHE_BYTES'] ?? DEFAULT_LIMIT_BYTES);
  if (!Number.isFinite(given) || given < 0)
    throw new UsageError(
      `SSAE_CACHE_BYTES is "${String(process.env['SSAE_CACHE_BYTES'])}"; expected a number of bytes`,
    );
  return given;
}

/** Cuts sequences into shards of at most `shardBytes` (or of one sequence), so that the same sequences give the same shards. */
async function* shards(
  sequences: Iterable<HarvestSequence> | AsyncIterable<HarvestSequence>,
  dModel: number,
  shardBytes: number,
): AsyncGenerator<readonly HarvestSequence[], void, undefined> {
  let shard: HarvestSequence[] = [];
  let bytes = 0;
  for await (const sequence of sequences) {
    const more = rowsOf(sequence) * dModel * 4;
    if (shard.length > 0 && bytes + more > shardBytes) {
      yield shard;
      [shard, bytes] = [[], 0];
    }
    shard.push(sequence);
    bytes += more;
  }
  if (shard.length > 0) yield shard;
}

/**
 * Activations on disk, by what they are activations of: a sweep reads the language model once. What was harvested counts as in use
 * until the cache is disposed.
 */
export class ActivationCache implements AsyncDisposable {
  readonly #folder: string;
  readonly #shardBytes: number;
  readonly #claims = new Map<string, Claim>();

  /** @param cache the home folder's cache */
  constructor(cache: string, shardBytes = SHARD_BYTES) {
    this.#folder = join(cache, 'activations');
    this.#shardBytes = shardBytes;
  }

  /**
   * Runs the model's head over the sequences and writes what it gives, special tokens left out, one shard after the other: memory
   * does not grow with the text. Shards that are there already, from an earlier or a killed run, are not computed again.
   */
  async harvest(
    model: LanguageModel,
    hookPoint: string,
    source: HarvestSource,
    control: JobControl,
  ): Promise<ActivationFolder> {
    const { dModel } = model.description;
    const { contentHash, tokens } = source;
    const hash = sha256(model.description.contentHash, '\n', hookPoint, '\n', contentHash).slice(0, 32);
    const folder = join(this.#folder, hash);
    await mkdir(folder, { recursive: true });
    await utimes(folder, new Date(), new Date());
    await this.#claim(folder);
    await this.#makeRoom(hash, tokens * dModel * 4);
    const written: ActivationShard[] = [];
    let done = 0;
    for await (const shard of shards(source.sequences(), dModel, this.#shardBytes)) {
      const path = join(folder, `${String(written.length).padStart(5, '0')}.safetensors`);
      const kept = await keptShard(path, shard);
      written.push(kept ?? (await writeShard(path, shard, model, hookPoint, control, { done, tokens })));
      done += written.at(-1)!.rows;
      control.report({ stage: 'reading the language model', done, total: tokens, unit: 'tokens' });
    }
    return { dIn: dModel, rows: done, contentHash: hash, shards: written };
  }

  async #claim(folder: string): Promise<void> {
    if (this.#claims.has(folder)) return;
    const claim = await Claim.take(join(folder, `${randomUUID()}${IN_USE}`));
    if (claim instanceof Claim) this.#claims.set(folder, claim);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const claims = [...this.#claims.values()];
    this.#claims.clear();
    for (const claim of claims) await claim[Symbol.asyncDispose]();
  }

  /** Deletes the folders used longest ago until `bytes` more fit the limit; those used a short while ago may be in use. */
  async #makeRoom(keep: string, bytes: number): Promise<void> {
    const folders = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const used = (await stat(path).catch(() => null))?.mtimeMs ?? 0;
      folders.push({ name, path, used, bytes: await folderBytes(path) });
    }
    let total = folders.reduce((sum, folder) => sum + (folder.name === keep ? 0 : folder.bytes), 0);
    for (const folder of folders.sort((a, b) => a.used - b.used)) {
      if (total + bytes <= limitBytes()) return;
      if (folder.name === keep || Date.now() - folder.used < RECENT_MS) continue;
      await rm(folder.path, { recursive: true, force: true });
      total -= folder.bytes;
    }
  }
}

/** The record is written after the tensors: a shard with a record is whole. One that holds other sequences is made again. */
async function keptShard(path: string, shard: readonly HarvestSequence[]): Promise<ActivationShard | null> {
  if (!existsSync(`${path}.json`) || !existsSync(path)) return null;
  const record = ShardRecord.safeParse(await readJson(`${path}.json`).catch(() => null));
  const isSame =
    record.success &&
    record.data.sequences.length === shard.length &&
    record.data.sequences.every(({ key, rows }, i) => key === shard[i]!.key && rows === rowsOf(shard[i]!));
  return isSame ? { path, ...record.data } : null;
}

async function writeShard(
  path: string,
  shard: readonly HarvestSequence[],
  model: LanguageModel,
  hookPoint: string,
  control: JobControl,
  before: { readonly done: number; readonly tokens: number },
): Promise<ActivationShard> {
  const { dModel } = model.description;
  const rows = shard.reduce((sum, sequence) => sum + rowsOf(sequence), 0);
  const data = new Float32Array(rows * dModel);
  let filled = 0;
  const hint = 'what was read is kept; the same command goes on from there';
  for await (const { activations } of activationChunks(model, hookPoint, shard, control, hint)) {
    for (const own of activations) {
      data.set(own, filled);
      filled += own.length;
    }
    const done = before.done + filled / dModel;
    control.report({ stage: 'reading the language model', done, total: before.tokens, unit: 'tokens' });
  }
  const sequences = shard.map((sequence) => ({ key: sequence.key, rows: rowsOf(sequence) }));
  await writeSafetensors(path, { activations: { dtype: 'F32', shape: [rows, dModel], data } });
  await writeFileAtomic(`${path}.json`, JSON.stringify({ rows, sequences }));
  return { path, rows, sequences };
}
