/** Every request of the product, typed and checked once: the command line, the daemon and the editor use these. */
import { z } from 'zod';
import { Architecture } from './architectures.ts';
import { MAX_BATCH } from './training-amount.ts';

const name = z.string().min(1).max(4096);
const seed = z.int().min(0).max(0x7fffffff).default(0);
const positive = z.int().min(1);

export const ArmName = z.enum(['bm25', 'dense', 'bm25+tracin', 'dense+tracin', 'random', 'seeds']);

export const IngestRequest = z.object({
  /** Name of the corpus. */
  corpus: name,
  /** Files, folders, globs, or `builtin:wordnet` and its like. */
  sources: z.array(name).min(1),
  textField: z.string().default('text'),
  idField: z.string().nullable().default(null),
  unit: z.enum(['document', 'paragraph', 'window']).default('window'),
  /** Tokens of a window. */
  windowTokens: z.int().min(8).max(100_000).default(128),
});
export type IngestRequest = z.infer<typeof IngestRequest>;

export const RetrieveRequest = z.object({
  seeds: name,
  corpus: name,
  arm: ArmName,
  /** Token budget of the selection. */
  tokens: positive,
  /** For the tracin arms; its model and hook point are used. */
  dictionary: name.nullable().default(null),
  /** Passages a tracin arm reranks, as a multiple of the budget. */
  candidates: z.number().min(1).max(1000).default(4),
  seed,
  /** Ids of passages that are taken first, in this order, and of passages that are never taken. */
  pinned: z.array(name).max(100_000).default([]),
  struck: z.array(name).max(100_000).default([]),
  /** Name in the home folder, or path, of the selection to write; null writes none. */
  output: name.nullable().default(null),
});
export type RetrieveRequest = z.infer<typeof RetrieveRequest>;

/** Where a transcoder's targets are read; null for what reconstructs its own input. */
const targetHookPoint = name.nullable().default(null);

/** Where a trainer's activations come from. */
export const TrainingData = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('corpus'), model: name, hookPoint: name, targetHookPoint, corpus: name }),
  z.object({ kind: z.literal('selection'), model: name, hookPoint: name, targetHookPoint, selection: name }),
  /** A safetensors file with `activations` [n, d_in] float32; a transcoder's with `targets` [n, d_out] too, or in another file. Or a folder of harvested shards. */
  z.object({
    kind: z.literal('activations'),
    file: name,
    targets: name.nullable().default(null),
    hookPoint: name.nullable().default(null),
    targetHookPoint,
  }),
]);
export type TrainingData = z.infer<typeof TrainingData>;

const RawTilt = z.object({ kind: z.literal('raw'), t: z.number().min(0) });
/** t = tau / mean loss of the batch. */
const RelativeTilt = z.object({ kind: z.literal('relative'), tau: z.number().min(0) });

/** `sample_size`: the t at which 1 / Σ w² is this share of the batch's tokens, solved anew each step. */
export const Tilt = z.discriminatedUnion('kind', [
  RawTilt,
  RelativeTilt,
  z.object({ kind: z.literal('sample_size'), share: z.number().gt(0).max(1) }),
]);
export type Tilt = z.infer<typeof Tilt>;

export const HarvestRequest = z.object({
  model: name,
  hookPoint: name,
  text: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('corpus'), corpus: name }),
    z.object({ kind: z.literal('selection'), selection: name }),
  ]),
  /** Of a corpus, drawn at random by passages; null for all of it. */
  tokens: positive.nullable().default(null),
  dtype: z.enum(['float32', 'float16']).default('float32'),
  /** This process writes every `count`-th part, from the `index`-th on, counted from 1. */
  shard: z
    .object({ index: positive, count: positive.max(100_000) })
    .refine(({ index, count }) => index <= count, { error: 'index is above count' })
    .default({ index: 1, count: 1 }),
  seed,
  /** Folder to write shards into. */
  output: name,
});
export type HarvestRequest = z.infer<typeof HarvestRequest>;

export const Objective = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('erm') }),
  z.object({
    kind: z.literal('term'),
    tilt: Tilt,
    tilts: z.enum(['loss', 'reconstruction']).default('loss'),
    /** Steps over which the tilt grows from 0; absent for none. */
    warmupSteps: z.int().min(0).optional(),
    /** `tilt` is of passages instead of tokens, and `inner` of the tokens within each; raw 0 is their mean loss. */
    passages: z.object({ inner: z.discriminatedUnion('kind', [RawTilt, RelativeTilt]) }).optional(),
  }),
]);
export type Objective = z.infer<typeof Objective>;

export const EngineChoice = z.enum(['auto', 'cpu', 'wasm', 'webgpu', 'tensorflow']);

export const OptimizerSettings = z.object({
  learningRate: z.number().positive().nullable().default(null),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  epsilon: z.number().positive().default(1e-8),
  warmupSteps: z.int().min(0).nullable().default(null),
  /** Share of the run at its end over which the learning rate falls to zero. */
  decayShare: z.number().min(0).max(1).default(0.2),
  maxGradientNorm: z.number().positive().nullable().default(null),
});

const Training = z.object({
  data: TrainingData,
  objective: Objective.default({ kind: 'erm' }),
  /** Tokens to train on; rows are visited again when the data has fewer. */
  tokens: positive.nullable().default(null),
  /** Tokens of a step. */
  batch: positive.max(1 << 20).default(MAX_BATCH),
  /** Tokens that the engine is given at once, for batches that are too large for memory; absent: all of a step. */
  microBatch: positive.max(1 << 20).optional(),
  /** How Adam's moments of matrices are stored while training, on cpu and wasm; absent: float32. */
  moments: z.enum(['float32', 'bfloat16']).optional(),
  /** The model's divergence in the loss of the last `share` of the steps, weighing `coefficient` times as much as the reconstruction. */
  divergence: z.object({ coefficient: z.number().positive(), share: z.number().gt(0).max(1).default(0.1) }).optional(),
  optimizer: OptimizerSettings.prefault({}),
  engine: EngineChoice.default('auto'),
  threads: positive.max(1024).nullable().default(null),
  seed,
  /** Share of the rows, by document where there are documents, never trained on and measured at the end. */
  heldOutShare: z.number().gt(0).lt(1).default(0.1),
  checkpointEverySteps: positive.default(200),
  /** Bytes the run may take; null for what the machine or its control group offers. */
  memory: positive.nullable().default(null),
  /** Go on from the output folder's checkpoint. */
  resume: z.boolean().default(false),
  /** Name in the home folder, or path, of the dictionary to write. */
  output: name,
});

export const TrainRequest = Training.extend({
  architecture: Architecture,
  dSae: positive,
  /** Store weights as float16: half the size. */
  storage: z.enum(['float32', 'float16']).default('float32'),
});
export type TrainRequest = z.infer<typeof TrainRequest>;

/** Features that train where only some do: those that fired in no counted token, or given ones. */
export const TrainedLatents = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('dead') }),
  z.object({ kind: z.literal('chosen'), features: z.array(z.int().min(0)).min(1).max(10_000_000) }),
]);
export type TrainedLatents = z.infer<typeof TrainedLatents>;

export const FinetuneRequest = Training.extend({
  from: name,
  /** Tokens of a step; null for what {@link finetuningBatch} makes of the rows. */
  batch: Training.shape.batch.unwrap().nullable().default(null),
  /** `scratch`: new weights; `residual`: new features on its error, beside its own; `partial`: only `latents` train. */
  mode: z.enum(['finetune', 'scratch', 'residual', 'partial']).default('finetune'),
  /** Features that `residual` adds. */
  residualFeatures: positive
    .max(1 << 24)
    .nullable()
    .default(null),
  latents: TrainedLatents.nullable().default(null),
  /** Other activations of the same place, mixed in as this share of every batch, to curb forgetting. */
  mix: z
    .object({ data: TrainingData, share: z.number().gt(0).max(0.95) })
    .nullable()
    .default(null),
  /** Sparsity coefficient λ of a relu, gated or jumprelu dictionary; null takes the one it was trained with. */
  l1: z.number().min(0).nullable().default(null),
});
export type FinetuneRequest = z.infer<typeof FinetuneRequest>;

export const EvaluateRequest = z.object({
  dictionary: name,
  baseline: name.nullable().default(null),
  corpus: name,
  /** Held-out text never overlaps these selections and seed sets. */
  exclude: z.object({ selections: z.array(name).default([]), seeds: z.array(name).default([]) }).prefault({}),
  /** Only passages whose field has this value: {"domain": "physics"}. */
  where: z.record(z.string(), z.string()).default({}),
  tokens: positive.default(20_000),
  seed,
});
export type EvaluateRequest = z.infer<typeof EvaluateRequest>;

export const InspectRequest = z.object({
  text: z.string().max(64 * 1024 * 1024),
  dictionary: name,
  /** Only these features; empty for all. */
  features: z.array(z.int().min(0)).max(4096).default([]),
  top: z.int().min(0).max(4096).default(5),
});
export type InspectRequest = z.infer<typeof InspectRequest>;

export const AddModelRequest = z.object({
  /** Hub id, folder or file. */
  source: name,
  file: name.nullable().default(null),
  name: name.nullable().default(null),
  /** Downloading was agreed to. */
  download: z.boolean().default(false),
});
export type AddModelRequest = z.infer<typeof AddModelRequest>;

export const RunModelRequest = z.object({
  model: name,
  input: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('ids'), ids: z.array(z.int().min(0)).min(1) }),
    z.object({ kind: z.literal('text'), text: z.string() }),
  ]),
  hookPoints: z.array(name).default([]),
  /** Hook point and safetensors file with `activations` [tokens, d_model] that replaces it. */
  patches: z.array(z.object({ hookPoint: name, file: name })).default([]),
  output: name,
});
export type RunModelRequest = z.infer<typeof RunModelRequest>;

export const AddSeedsRequest = z.object({
  name,
  seeds: z
    .array(
      z.object({
        text: z.string(),
        from: z
          .object({ file: name, start: z.int().min(0), end: z.int().min(0) })
          .nullable()
          .default(null),
      }),
    )
    .min(1),
});
export type AddSeedsRequest = z.infer<typeof AddSeedsRequest>;

export const EncodeRequest = z.object({
  dictionary: name,
  activations: name,
  sparse: z.boolean().default(false),
  engine: EngineChoice.default('auto'),
  output: name,
});
export type EncodeRequest = z.infer<typeof EncodeRequest>;

export const ImportDictionaryRequest = z.object({ source: name, name });
export type ImportDictionaryRequest = z.infer<typeof ImportDictionaryRequest>;

export const ExportDictionaryRequest = z.object({ dictionary: name, format: z.literal('sae_lens'), output: name });
export type ExportDictionaryRequest = z.infer<typeof ExportDictionaryRequest>;

export const CountDensitiesRequest = z.object({
  dictionary: name,
  corpus: name,
  /** Read at most; of a larger corpus passages are taken at even distances. */
  tokens: z.int().min(1).max(1e9).default(250_000),
});
export type CountDensitiesRequest = z.infer<typeof CountDensitiesRequest>;

export const DemoRequest = z.object({
  /** Folder for the report and everything that was made. */
  output: name.default('ssae-demo'),
  engine: EngineChoice.default('auto'),
  seed,
});
export type DemoRequest = z.infer<typeof DemoRequest>;
