/** How long a dictionary is finetuned on a selection. */
export interface TrainingAmount {
  readonly tokens: number;
  /** Tokens a step. */
  readonly batch: number;
}

const MAX_BATCH = 2048;
const MIN_BATCH = 128;
const MIN_STEPS = 200;
const WANTED_STEPS = 1000;
const MAX_PASSES = 20;

/**
 * What is offered, by the trainer's own rule: one pass, and at least 1,000 steps unless that were more than 20 passes. The batch is the
 * trainer's 2,048 tokens, halved for a small selection until 20 passes make 200 steps: Adam's averages and the learning rate's warm-up
 * and decay mean nothing in a handful of them.
 * @param selection tokens of the selection
 */
export function proposedAmount(selection: number): TrainingAmount {
  let batch = MAX_BATCH;
  while (batch > MIN_BATCH && MAX_PASSES * selection < MIN_STEPS * batch) batch /= 2;
  return { tokens: Math.max(selection, Math.min(WANTED_STEPS * batch, MAX_PASSES * selection)), batch };
}

export function stepsOf({ tokens, batch }: TrainingAmount): number {
  return Math.ceil(tokens / batch);
}

/** How often each token of the selection is trained on. */
export function passesOf({ tokens }: TrainingAmount, selection: number): number {
  return Number((tokens / Math.max(1, selection)).toPrecision(2));
}
