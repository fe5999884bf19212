import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActivationFolder, ActivationShard } from '../foundation/activation-folder.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { canonicalJson, sha256 } from '../foundation/hash.ts';
import {
  harvestDifferences,
  harvestIdentity,
  MAX_PARTS,
  shardName,
  shardState,
  type HarvestDescription,
  type ShardManifest,
} from '../foundation/shard-manifest.ts';

/** A folder of harvested shards, whole, with what it is of. */
export interface HarvestedActivations {
  readonly data: ActivationFolder;
  readonly harvest: HarvestDescription;
}

/** Shards named in a message, at most; the rest is counted. */
const NAMED = 5;

const SHARD_NAME = /^part-(\d{5,})-of-(\d{5,})\.(safetensors|json)$/;

function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return `${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** How many parts the folder's shards are of. @throws UsageError when there are none, or files that are no shards, or of several cuts */
async function partsOf(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  const foreign = names.filter((name) => name.endsWith('.safetensors') && !SHARD_NAME.test(name));
  if (foreign.length > 0)
    throw new UsageError(
      `--activations is "${folder}", a folder with files that no harvest wrote: ${listed(foreign)}; move them away, or name one of them as --activations`,
    );
  const byParts = new Map<number, string>();
  for (const name of names) {
    const parts = Number(SHARD_NAME.exec(name)?.[2] ?? 0);
    if (parts > 0 && !byParts.has(parts)) byParts.set(parts, name);
  }
  if (byParts.size === 0)
    throw new UsageError(
      `--activations is "${folder}", a folder without shards; fill it with: ssae harvest … -o ${folder}`,
    );
  if (byParts.size > 1)
    throw new WorkError(
      `${folder} holds shards of different harvests: ${[...byParts.values()].join(' and ')} are of as many parts as their names say; keep those of one harvest`,
    );
  const [parts] = byParts.keys();
  if (parts! > MAX_PARTS) throw new WorkError(`${folder} is of ${parts} parts, above ${MAX_PARTS}; harvest it again`);
  return parts!;
}

/** @throws WorkError naming a shard that is of something else than the first, and what */
function refuseMixed(folder: string, shards: readonly ShardManifest[]): void {
  const [first] = shards;
  const identity = harvestIdentity(first!.harvest);
  for (const { harvest, part } of shards) {
    if (harvestIdentity(harvest) === identity) continue;
    const names = [first!.part, part].map((each) => shardName(each, harvest.parts));
    const what = harvestDifferences(first!.harvest, harvest);
    throw new WorkError(
      `${folder} mixes shards of different harvests: ${names[1]} does not go with ${names[0]} (${what.join('; ')}); keep those of one harvest and run its ssae harvest again for the rest`,
    );
  }
}

/**
 * Opens a folder that `ssae harvest` filled, in the order of its parts, whoever wrote them and when.
 * @throws UsageError when it holds no shards, WorkError naming those that are missing, cut short or of another harvest
 */
export async function openActivationShards(folder: string): Promise<HarvestedActivations> {
  const parts = await partsOf(folder);
  const whole: ShardManifest[] = [];
  const [missing, damaged]: [string[], string[]] = [[], []];
  for (let part = 0; part < parts; part++) {
    const state = await shardState(folder, part, parts);
    if (state.kind === 'whole') whole.push(state.manifest);
    else if (state.kind === 'missing') missing.push(shardName(part, parts));
    else damaged.push(`${shardName(part, parts)} (${state.why})`);
  }
  if (damaged.length > 0)
    throw new WorkError(
      `${folder}: ${damaged.length} of ${parts} shards are damaged: ${listed(damaged)}; run the same ssae harvest again: it writes them anew and keeps the others`,
    );
  if (missing.length > 0)
    throw new WorkError(
      `${folder}: ${missing.length} of ${parts} shards are missing: ${listed(missing)}; run the same ssae harvest again (without --shard it writes all that is missing)`,
    );
  refuseMixed(folder, whole);
  const { harvest } = whole[0]!;
  const shards = whole
    .map(({ part, rows, sequences }): ActivationShard => ({
      path: join(folder, shardName(part, parts)),
      rows,
      sequences,
    }))
    .filter(({ rows }) => rows > 0);
  const contentHash = sha256(canonicalJson([harvestIdentity(harvest), ...whole.map((shard) => shard.contentHash)]));
  const rows = shards.reduce((sum, shard) => sum + shard.rows, 0);
  return { data: { dIn: harvest.dIn, rows, contentHash, shards }, harvest };
}
