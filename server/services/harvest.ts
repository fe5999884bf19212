/** Activations of a corpus or a selection, written into a folder of shards by one process or by many. */
import { mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { unknownName, UsageError, WorkError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import {
  harvestDifferences,
  harvestIdentity,
  manifestPath,
  MAX_PARTS,
  shardName,
  shardState,
  type HarvestDescription,
} from '../foundation/shard-manifest.ts';
import type { LanguageModel } from '../model/language-model.ts';
import { RESUME_HINT, writeShard } from '../model/shard-writer.ts';
import { throwIfStopped } from '../foundation/progress.ts';
import type { HarvestRequest } from '../protocol/requests.ts';
import type { HarvestResult } from '../protocol/results.ts';
import { passageText, type PassageText } from './passage-text.ts';
import type { Resources } from './resources.ts';
import { sequencesOfPassage } from './training-text.ts';

/** Parts a text is cut into, where their size allows: an array job of as many tasks has work for each. */
const PARTS = 256;
const LEAST_PART_TOKENS = 2048;
/** Of a part in float32. */
const MOST_PART_BYTES = 256 * 2 ** 20;
/** Parts in work at a time: while one is tokenised, converted and written, the model reads the other. */
const LANES = 2;
/** A temporary file that nobody has written to for so long is of a process that was killed. */
const STALE_MS = 3_600_000;

/** Where parts begin and, at the end, how many passages there are: consecutive passages of at least so many tokens, whoever takes them. */
export function partBounds(lengths: readonly number[], dModel: number): number[] {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const size = Math.min(Math.max(tokens / PARTS, LEAST_PART_TOKENS), MOST_PART_BYTES / (4 * dModel));
  const bounds = [0];
  let held = 0;
  lengths.forEach((length, passage) => {
    held += length;
    if (held < size || passage === lengths.length - 1) return;
    bounds.push(passage + 1);
    held = 0;
  });
  return [...bounds, lengths.length];
}

const MANIFEST_NAME = /^part-(\d+)-of-(\d+)\.json$/;

/** @throws UsageError when the folder holds shards of another harvest, naming one and what differs */
async function refuseForeignShards(folder: string, harvest: HarvestDescription): Promise<void> {
  const shards = (await readdir(folder)).sort().flatMap((name) => {
    const [, part, parts] = MANIFEST_NAME.exec(name) ?? [];
    return part === undefined ? [] : [{ name, part: Number(part), parts: Number(parts) }];
  });
  // One of each cut: that all of a folder go together is checked before training.
  const looked = [shards[0], shards.find(({ parts }) => parts !== harvest.parts)];
  for (const shard of looked) {
    if (shard === undefined) continue;
    const state = await shardState(folder, shard.part, shard.parts);
    if (state.kind !== 'whole' || harvestIdentity(state.manifest.harvest) === harvestIdentity(harvest)) continue;
    const differences = harvestDifferences(state.manifest.harvest, harvest).join('; ');
    throw new UsageError(
      `-o is "${folder}", which holds shards of another harvest (${shard.name}: ${differences}); give each harvest a folder of its own`,
    );
  }
}

async function removeStale(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^\.[0-9a-f]{12}\.tmp$/.test(name)) continue;
    const path = join(folder, name);
    const age = Date.now() - ((await stat(path).catch(() => null))?.mtimeMs ?? Date.now());
    if (age > STALE_MS) await rm(path, { force: true });
  }
}

/** @throws WorkError before anything is written when the disk has no room for it */
async function refuseFullDisk(folder: string, tokens: number, { dIn, dtype }: HarvestDescription): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const width = dtype === 'float16' ? 2 : 4;
  const [needed, free] = [tokens * dIn * width, bavail * bsize];
  if (needed <= free) return;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toPrecision(3)} GB`;
  throw new WorkError(
    `there is no room for the activations: ${tokens} tokens × ${dIn} × ${width} bytes = ${gigabytes(needed)}, and ${folder} has ${gigabytes(free)} free; take fewer --tokens, ${width === 4 ? '--dtype float16, ' : ''}or another disk`,
  );
}

function describe(request: HarvestRequest, model: LanguageModel, text: PassageText, parts: number): HarvestDescription {
  const { name, contentHash, contextLength, dModel, hookPoints } = model.description;
  const names = hookPoints.map((hook) => hook.name);
  if (!names.includes(request.hookPoint)) throw unknownName('--hook', request.hookPoint, names);
  if (parts > MAX_PARTS)
    throw new UsageError(`the text would be cut into ${parts} parts, above ${MAX_PARTS}; take fewer --tokens`);
  return {
    model: { name, contentHash },
    ...{ hookPoint: request.hookPoint, dIn: dModel, dtype: request.dtype, window: { contextLength }, parts },
    text: {
      kind: request.text.kind,
      name: request.text.kind === 'corpus' ? request.text.corpus : request.text.selection,
      ...{ contentHash: text.contentHash, tokens: text.tokens },
    },
  };
}

/** Runs `work` over the items, a few at a time; after one failure no more are begun. */
async function inLanes<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length)
      await work(items[next++]!).catch((error: unknown) => {
        next = items.length;
        throw error;
      });
  };
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

/** Parts of this process's shard: every n-th, so that all shards have as much to do. */
function ownParts({ shard }: HarvestRequest, parts: number): number[] {
  return Array.from({ length: parts }, (_, part) => part).filter((part) => part % shard.count === shard.index - 1);
}

/**
 * Writes the parts of one shard of a harvest; those that are whole already are kept. What a part holds follows from model, hook point,
 * text, seed and token budget alone, so that any number of processes, in any order, killed and started again, make the same folder.
 * @throws UsageError when the folder holds another harvest's shards, WorkError when the disk is full or an activation cannot be stored
 */
export async function harvest(
  request: HarvestRequest,
  resources: Resources,
  control: JobControl,
): Promise<HarvestResult> {
  const began = performance.now();
  const folder = resolve(request.output);
  const model = await resources.model(request.model);
  const text = await passageText(request.text, request.tokens, request.seed, resources);
  const bounds = partBounds(text.lengths, model.description.dModel);
  const parts = bounds.length - 1;
  const description = describe(request, model, text, parts);
  await mkdir(folder, { recursive: true });
  await refuseForeignShards(folder, description);
  await removeStale(folder);
  const mine = ownParts(request, parts);
  const states = await Promise.all(mine.map((part) => shardState(folder, part, parts)));
  const tokensOf = (part: number): number =>
    text.lengths.slice(bounds[part], bounds[part + 1]).reduce((sum, length) => sum + length, 0);
  const total = mine.reduce((sum, part) => sum + tokensOf(part), 0);
  let [rows, done] = [0, 0];
  const missing: number[] = [];
  for (const [i, part] of mine.entries()) {
    const state = states[i]!;
    if (state.kind === 'whole' && harvestIdentity(state.manifest.harvest) === harvestIdentity(description)) {
      rows += state.manifest.rows;
      done += tokensOf(part);
    } else missing.push(part);
  }
  await refuseFullDisk(folder, total - done, description);
  await inLanes(missing, LANES, async (part) => {
    throwIfStopped(control, RESUME_HINT);
    await rm(manifestPath(join(folder, shardName(part, parts))), { force: true });
    const passages = await text.passages(bounds[part]!, bounds[part + 1]!);
    const sequences = passages.flatMap((passage) => [...sequencesOfPassage(passage, model)]);
    const manifest = await writeShard({ folder, harvest: description, part, sequences }, model, control, (more) => {
      done += more;
      control.report({ stage: 'harvesting', done: Math.min(done, total), total, unit: 'tokens' });
    });
    rows += manifest.rows;
  });
  const names = new Set(await readdir(folder));
  const absent = Array.from({ length: parts }, (_, part) => manifestPath(shardName(part, parts))).filter(
    (name) => !names.has(name),
  );
  return {
    ...{ folder, model: description.model.name, hookPoint: request.hookPoint, dIn: description.dIn },
    ...{ dtype: request.dtype, shard: request.shard, rows },
    parts: { total: parts, mine: mine.length, kept: mine.length - missing.length, missing: absent.length },
    seconds: (performance.now() - began) / 1000,
  };
}
