import { z } from 'zod';

/** Figures of one training step. */
export const TrainingPoint = z.object({
  /** Steps done, counted from 1. */
  step: z.number(),
  /** R of the batch with auxiliary terms. */
  loss: z.number(),
  /** 1 / Σ w², tokens. */
  effectiveSampleSize: z.number(),
  /** t of the step; 0 for a plain mean. Absent in histories written before it was noted. */
  tilt: z.number().optional(),
  l0: z.number(),
  /** 1 − Σ‖x−x̂‖² / Σ‖x−x̄‖² over the batch. */
  explainedVariance: z.number().nullable(),
  /** Share of latents silent for the auxiliary loss's window; null without that loss. */
  deadShare: z.number().nullable(),
  learningRate: z.number(),
  /** Mean KL(softmax(tail(x)) ‖ softmax(tail(x̂))) over the batch's tokens, in nats, where it is part of the loss; `loss` is without it. */
  divergence: z.number().optional(),
  /** Tokens of a batch: fewer than were asked for where the data has fewer rows. Absent in histories written before it was noted. */
  batch: z.int().min(1).optional(),
});
export type TrainingPoint = z.infer<typeof TrainingPoint>;
