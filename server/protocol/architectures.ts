/**
 * What can be asked for of each architecture, with its defaults. What the options mean, how they train and how they are stored is said in
 * `server/sae/architectures`, one file a family; the command line's options are in `server/cli/architecture-options.ts`.
 */
import { z } from 'zod';

const count = z.int().min(1);
const coefficient = z.number().min(0);

/** Activations have the mean norm √d_in: what λ is on them. */
const ReluArchitecture = z.object({
  kind: z.literal('relu'),
  /** λ; null for what suits the width of what is reconstructed. */
  l1: coefficient.nullable().default(null),
  penalty: z.enum(['decoder_norm_weighted', 'plain']).default('decoder_norm_weighted'),
  resampling: z.boolean().default(true),
});
export type ReluArchitecture = z.infer<typeof ReluArchitecture>;

const selection = {
  k: count.default(32),
  /** Pre-activations are multiplied by decoder norms before the selection; without it, decoder rows are kept at norm 1. */
  rescaledByDecoderNorm: z.boolean().default(false),
  auxiliaryLoss: z.boolean().default(true),
};

const TopKArchitecture = z.object({ kind: z.literal('topk'), ...selection });
export type TopKArchitecture = z.infer<typeof TopKArchitecture>;

const BatchTopKArchitecture = z.object({ kind: z.literal('batchtopk'), ...selection });
export type BatchTopKArchitecture = z.infer<typeof BatchTopKArchitecture>;

const MAX_LEVELS = 64;

/** Which first features must reconstruct on their own. */
const Prefixes = z.discriminatedUnion('kind', [
  /** Ascending widths; d_sae is added where it is not the last. */
  z.object({ kind: z.literal('widths'), widths: z.array(count).min(1).max(MAX_LEVELS) }),
  /** d_sae, a half of it, a quarter, …: so many. */
  z.object({ kind: z.literal('halved'), levels: count.max(MAX_LEVELS).default(5) }),
  /** d_sae and widths that are drawn anew for every step, evenly in their logarithm. */
  z.object({ kind: z.literal('sampled'), levels: count.max(MAX_LEVELS).default(5) }),
]);
export type Prefixes = z.infer<typeof Prefixes>;

const MatryoshkaArchitecture = z.object({
  kind: z.literal('matryoshka'),
  ...selection,
  prefixes: Prefixes.default({ kind: 'halved', levels: 5 }),
});
export type MatryoshkaArchitecture = z.infer<typeof MatryoshkaArchitecture>;

const JumpReluPenalty = z.discriminatedUnion('kind', [
  /** λ · L0 of the token. */
  z.object({ kind: z.literal('step'), coefficient: coefficient.default(1) }),
  /** λ · Σ tanh(c f_j u_j). */
  z.object({
    kind: z.literal('tanh'),
    coefficient: coefficient.default(1),
    scale: z.number().positive().default(4),
  }),
  /** λ · (L0 of the batch / target − 1)²; null: λ = d_in. */
  z.object({
    kind: z.literal('target_l0'),
    target: z.number().positive(),
    coefficient: coefficient.nullable().default(null),
  }),
]);

const JumpReluArchitecture = z.object({
  kind: z.literal('jumprelu'),
  penalty: JumpReluPenalty.default({ kind: 'step', coefficient: 1 }),
  /** ε of the straight-through kernel. */
  bandwidth: z.number().positive().default(0.05),
  /** θ at the start; null: where L0 of a sample is the target's, and 0.01 where there is no target. */
  initialThreshold: z.number().min(0).nullable().default(null),
  /** null: only with a target for L0, which a threshold alone follows by little more than the learning rate a step. */
  straightThroughToInput: z.boolean().nullable().default(null),
});
export type JumpReluArchitecture = z.infer<typeof JumpReluArchitecture>;

const GatedArchitecture = z.object({
  kind: z.literal('gated'),
  /** λ; null for what suits the width of what is reconstructed. */
  l1: coefficient.nullable().default(null),
  variant: z.enum(['paper', 'saelens']).default('paper'),
  resampling: z.boolean().default(true),
});
export type GatedArchitecture = z.infer<typeof GatedArchitecture>;

/** Reconstructs other activations than it reads. */
const TranscoderArchitecture = z.object({
  kind: z.literal('transcoder'),
  /** Architecture of its features. */
  features: z.discriminatedUnion('kind', [ReluArchitecture, BatchTopKArchitecture, JumpReluArchitecture]),
  /** A linear map of the input is added to the reconstruction (2501.18823). */
  skip: z.boolean().default(false),
});
export type TranscoderArchitecture = z.infer<typeof TranscoderArchitecture>;

export const Architecture = z.discriminatedUnion('kind', [
  TopKArchitecture,
  BatchTopKArchitecture,
  MatryoshkaArchitecture,
  ReluArchitecture,
  JumpReluArchitecture,
  GatedArchitecture,
  TranscoderArchitecture,
]);
export type Architecture = z.infer<typeof Architecture>;
/** As a caller writes it: what has a default may be left out. */
export type ArchitectureInput = z.input<typeof Architecture>;
export type ArchitectureKind = Architecture['kind'];
