/** Every request of the product, typed and checked once: the command line, the daemon and the editor use these. */
import { z } from 'zod';

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

/** Where a trainer's activations come from. */
export const TrainingData = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('corpus'), model: name, hookPoint: name, corpus: name }),
  z.object({ kind: z.literal('selection'), model: name, hookPoint: name, selection: name }),
  /** A safetensors file with `activations` [n, d_in] float32. */
  z.object({ kind: z.literal('activations'), file: name, hookPoint: name.nullable().default(null) }),
]);
export type TrainingData = z.infer<typeof TrainingData>;

export const Objective = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('erm') }),
  z.object({
    kind: z.literal('term'),
    /** `raw` is t; `relative` is tau, t = tau / mean loss of the batch. */
    tilt: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('raw'), t: z.number().min(0) }),
      z.object({ kind: z.literal('relative'), tau: z.number().min(0) }),
    ]),
    tilts: z.enum(['loss', 'reconstruction']).default('loss'),
  }),
]);
export type Objective = z.infer<typeof Objective>;

export const EngineChoice = z.enum(['auto', 'cpu', 'wasm', 'webgpu']);

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
  batch: positive.max(1 << 20).default(2048),
  optimizer: OptimizerSettings.prefault({}),
  engine: EngineChoice.default('auto'),
  threads: positive.max(1024).nullable().default(null),
  seed,
  /** Share of the rows, by document where there are documents, never trained on and measured at the end. */
  heldOutShare: z.number().gt(0).lt(1).default(0.1),
  checkpointEverySteps: positive.default(200),
  /** Go on from the output folder's checkpoint. */
  resume: z.boolean().default(false),
  /** Name in the home folder, or path, of the dictionary to write. */
  output: name,
});

export const TrainRequest = Training.extend({
  architecture: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('topk'), k: positive, auxiliaryLoss: z.boolean().default(true) }),
    z.object({
      kind: z.literal('relu'),
      l1: z.number().min(0),
      penalty: z.enum(['decoder_norm_weighted', 'plain']).default('decoder_norm_weighted'),
      resampling: z.boolean().default(true),
    }),
  ]),
  dSae: positive,
  /** Store weights as float16: half the size. */
  storage: z.enum(['float32', 'float16']).default('float32'),
});
export type TrainRequest = z.infer<typeof TrainRequest>;

export const FinetuneRequest = Training.extend({
  from: name,
  mode: z.enum(['finetune', 'scratch']).default('finetune'),
  /** Sparsity coefficient of a relu dictionary; null takes the one it was trained with. */
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
