/** What stands beside each harvested shard: what its rows are activations of, and how to know that the file is whole. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from './files.ts';
import { canonicalJson, sha256 } from './hash.ts';

const count = z.int().min(0);
const hash = z.string().min(1).max(128);
const name = z.string().max(4096);
/** More parts than this is no folder of ours. */
export const MAX_PARTS = 1_000_000;

/** What all shards of one harvest have in common. Names are for people; hashes decide. */
const HarvestDescription = z.object({
  model: z.object({ name, contentHash: hash }),
  hookPoint: name,
  dIn: z
    .int()
    .min(1)
    .max(1 << 24),
  dtype: z.enum(['float32', 'float16']),
  /** Texts are read in windows of at most `contextLength` tokens that do not overlap, each led by the model's special tokens, which are left out. */
  window: z.object({ contextLength: z.int().min(1) }),
  /** `contentHash` is over the passages in their order. */
  text: z.object({ kind: z.enum(['corpus', 'selection']), name, contentHash: hash, tokens: count }),
  /** The text is cut into so many parts, a shard each, whoever writes them. */
  parts: z.int().min(1).max(MAX_PARTS),
});
export type HarvestDescription = z.infer<typeof HarvestDescription>;

const ShardManifest = z.object({
  format: z.literal('ssae-activations-1'),
  harvest: HarvestDescription,
  part: count,
  rows: count,
  /** Of the safetensors file: its length and its SHA-256. */
  bytes: count,
  contentHash: hash,
  /** What the rows are, in order. */
  sequences: z.array(z.object({ key: z.string(), rows: count })),
});
export type ShardManifest = z.infer<typeof ShardManifest>;

/** `part-00012-of-00040.safetensors`; the manifest is the same with `.json`. */
export function shardName(part: number, parts: number): string {
  const digits = (n: number): string => String(n).padStart(5, '0');
  return `part-${digits(part)}-of-${digits(parts)}.safetensors`;
}

export function manifestPath(shardPath: string): string {
  return shardPath.replace(/\.safetensors$/, '.json');
}

/** Two harvests of the same identity give the same rows. */
export function harvestIdentity({ model, hookPoint, dIn, dtype, window, text, parts }: HarvestDescription): string {
  const { contentHash, tokens } = text;
  const decisive = { model: model.contentHash, hookPoint, dIn, dtype, window, text: { contentHash, tokens }, parts };
  return sha256(canonicalJson(decisive));
}

const short = (contentHash: string): string => contentHash.slice(0, 12);

/** What of two harvests is not the same, each with both values: `hook point: blocks.1 there, blocks.2 here`. */
export function harvestDifferences(there: HarvestDescription, here: HarvestDescription): string[] {
  const facts = ({ model, hookPoint, dIn, dtype, window, text, parts }: HarvestDescription): [string, string][] => [
    ['model', `${model.name} (content ${short(model.contentHash)})`],
    ['hook point', hookPoint],
    ['width', String(dIn)],
    ['type', dtype],
    ['context', String(window.contextLength)],
    ['text', `${text.kind} ${text.name}, ${text.tokens} tokens (content ${short(text.contentHash)})`],
    ['parts', String(parts)],
  ];
  const now = facts(here);
  return facts(there).flatMap(([what, value], i) =>
    value === now[i]![1] ? [] : [`${what}: ${value} there, ${now[i]![1]} here`],
  );
}

export type ShardState =
  | { readonly kind: 'whole'; readonly manifest: ShardManifest }
  | { readonly kind: 'missing' }
  /** The files are there and do not fit each other. */
  | { readonly kind: 'damaged'; readonly why: string };

/** How one part of a folder is: the manifest is written last, so a shard with a fitting one is whole. */
export async function shardState(folder: string, part: number, parts: number): Promise<ShardState> {
  const path = join(folder, shardName(part, parts));
  const size = (await stat(path).catch(() => null))?.size ?? null;
  if ((await stat(manifestPath(path)).catch(() => null)) === null) return { kind: 'missing' };
  const parsed = ShardManifest.safeParse(await readJson(manifestPath(path)).catch(() => null));
  if (!parsed.success) return { kind: 'damaged', why: 'its manifest cannot be read' };
  const { data: manifest } = parsed;
  if (manifest.part !== part || manifest.harvest.parts !== parts)
    return { kind: 'damaged', why: `its manifest is of part ${manifest.part} of ${manifest.harvest.parts}` };
  if (size === null) return { kind: 'damaged', why: 'it has a manifest and no activations' };
  if (size !== manifest.bytes)
    return { kind: 'damaged', why: `it is cut short: ${size} bytes, its manifest says ${manifest.bytes}` };
  const rows = manifest.sequences.reduce((sum, sequence) => sum + sequence.rows, 0);
  return rows === manifest.rows
    ? { kind: 'whole', manifest }
    : { kind: 'damaged', why: `its sequences hold ${rows} rows, its manifest says ${manifest.rows}` };
}
