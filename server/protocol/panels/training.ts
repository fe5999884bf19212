/** What the training panel and the extension tell each other. Both check every message; schemas are small, for they run in the page. */
import * as z from 'zod/mini';
import { TRAINING_SERIES } from '../training-series.ts';

const id = z.string().check(z.minLength(1), z.maxLength(4096));
const words = z.string().check(z.maxLength(100_000));
const orNull = z.nullable(z.number());
const MAX_RUNS = 1000;
/** Characters of one column: a million points. */
const column = z.string().check(z.maxLength(11_000_000));

const Progress = z.object({
  stage: words,
  done: z.number(),
  total: orNull,
  unit: words,
  perSecond: orNull,
  secondsLeft: orNull,
});
export type RunProgress = z.infer<typeof Progress>;

/** A training job as the panel lists it. */
export const Run = z.object({
  job: id,
  title: words,
  kind: z.enum(['train', 'finetune']),
  created: words,
  attempts: z.number(),
  state: z.enum(['queued', 'running', 'paused', 'done', 'failed', 'cancelled']),
  /** Why it is paused or has failed; null otherwise. */
  reason: z.nullable(words),
  progress: z.nullable(Progress),
});
export type Run = z.infer<typeof Run>;

/** What a run was asked and, once it is done, what came of it. */
export const RunFacts = z.object({
  job: id,
  objective: words,
  engine: words,
  seed: z.number(),
  /** Tokens of a step; null where the trainer chooses and has not said. */
  batch: orNull,
  output: words,
  result: z.nullable(
    z.object({
      dictionary: words,
      path: words,
      architecture: words,
      dIn: z.number(),
      dSae: z.number(),
      hookPoint: z.nullable(words),
      steps: z.number(),
      tokens: z.number(),
      seconds: z.number(),
      final: z.object({
        l0: z.number(),
        explainedVariance: z.number(),
        mse: z.number(),
        deadShare: z.number(),
        effectiveSampleSize: orNull,
      }),
      heldOut: z.object({ tokens: z.number(), splitHash: words }),
    }),
  ),
});
export type RunFacts = z.infer<typeof RunFacts>;

const Point = z.object({
  step: z.number(),
  loss: z.number(),
  effectiveSampleSize: z.number(),
  l0: z.number(),
  explainedVariance: orNull,
  deadShare: orNull,
  /** t of the step, 0 for a plain mean; absent where nobody noted it. */
  tilt: z.optional(z.number()),
  /** KL of the model's predictions, in nats; absent where it was not part of the loss. */
  divergence: z.optional(z.number()),
  /** Tokens of the batch; absent where nobody noted it. */
  batch: z.optional(z.number()),
});
export type RunPoint = z.infer<typeof Point>;

export const ToTrainingPanel = z.discriminatedUnion('type', [
  /** All runs, newest first, and which to show first where the page shows none. */
  z.object({
    type: z.literal('runs'),
    runs: z.array(Run).check(z.maxLength(MAX_RUNS)),
    show: z.nullable(id),
  }),
  /** A run has another state or has got further. */
  z.object({ type: z.literal('run'), run: Run }),
  z.object({ type: z.literal('facts'), facts: RunFacts }),
  /** Base64 columns as in `TrainingHistoryResult`; they take the place of what the page has from their first step on. */
  z.object({
    type: z.literal('history'),
    job: id,
    batch: orNull,
    step: column,
    series: z.object(
      Object.fromEntries(TRAINING_SERIES.map((name) => [name, column])) as Record<
        (typeof TRAINING_SERIES)[number],
        typeof column
      >,
    ),
  }),
  z.object({ type: z.literal('points'), job: id, points: z.array(Point).check(z.maxLength(10_000)) }),
  /** `job` is null where the list itself could not be read. */
  z.object({ type: z.literal('failed'), job: z.nullable(id), message: words }),
]);
export type ToTrainingPanel = z.infer<typeof ToTrainingPanel>;

export const RUN_ACTIONS = ['pause', 'resume', 'cancel', 'compare', 'inspect', 'reveal'] as const;
export type RunAction = (typeof RUN_ACTIONS)[number];

export const FromTrainingPanel = z.discriminatedUnion('type', [
  /** The page is there (again) and shows these runs; also asks once more for what failed. */
  z.object({ type: z.literal('show'), jobs: z.array(id).check(z.maxLength(MAX_RUNS)) }),
  z.object({ type: z.literal('act'), job: id, action: z.enum(RUN_ACTIONS) }),
]);
export type FromTrainingPanel = z.infer<typeof FromTrainingPanel>;

/** What the page keeps over a reload. */
export const TrainingPanelState = z.object({
  shown: z.array(id).check(z.maxLength(MAX_RUNS)),
  logarithmic: z.boolean(),
});
export type TrainingPanelState = z.infer<typeof TrainingPanelState>;
