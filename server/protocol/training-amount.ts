/** How long a dictionary is trained where nobody says: one rule for the trainer, the command line and the editor. */
export interface TrainingAmount {
  readonly tokens: number;
  /** Tokens a step. */
  readonly batch: number;
}

export const MAX_BATCH = 2048;
export const MIN_BATCH = 128;
export const MIN_STEPS = 200;
const WANTED_STEPS = 1000;
const MAX_PASSES = 20;

/**
 * Tokens a step of finetuning: 2,048, halved down to 128 until there are 200 steps. Adam's averages and the learning rate's warm-up and
 * decay mean nothing in a handful of them.
 * @param rows that are trained on: what is counted is 20 passes over them at most
 * @param tokens to train on; null where nobody says
 */
export function finetuningBatch(rows: number, tokens: number | null): number {
  const counted = Math.min(tokens ?? Infinity, MAX_PASSES * rows);
  let batch = MAX_BATCH;
  while (batch > MIN_BATCH && counted < MIN_STEPS * batch) batch /= 2;
  return batch;
}

/** Tokens to train on: one pass over the rows, and at least 1,000 steps unless that were more than 20 passes. */
export function trainingTokens(rows: number, batch: number): number {
  return Math.max(rows, Math.min(WANTED_STEPS * batch, MAX_PASSES * rows));
}

/** What finetuning takes by itself. @param rows that are trained on */
export function proposedAmount(rows: number): TrainingAmount {
  const batch = finetuningBatch(rows, null);
  return { tokens: trainingTokens(rows, batch), batch };
}

export function stepsOf({ tokens, batch }: TrainingAmount): number {
  return Math.ceil(tokens / batch);
}

/** How often each row is trained on. */
export function passesOf(tokens: number, rows: number): number {
  return Number((tokens / Math.max(1, rows)).toPrecision(2));
}
