/** Figures of a training step that are drawn. Apart from the request for them, so that a page that draws them carries no zod. */
export const TRAINING_SERIES = [
  'loss',
  'effectiveSampleSize',
  'l0',
  'explainedVariance',
  'deadShare',
  'tilt',
  'divergence',
] as const;
export type TrainingSeries = (typeof TRAINING_SERIES)[number];
