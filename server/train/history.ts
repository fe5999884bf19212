import { z } from 'zod';

export const HistoryPoint = z.object({
  /** Steps done, counted from 1. */
  step: z.number(),
  /** R of the batch with auxiliary terms. */
  loss: z.number(),
  /** 1 / Σ w², tokens. */
  effectiveSampleSize: z.number(),
  l0: z.number(),
  /** 1 − Σ‖x−x̂‖² / Σ‖x−x̄‖² over the batch. */
  explainedVariance: z.number().nullable(),
  /** Share of latents silent for the auxiliary loss's window; null without that loss. */
  deadShare: z.number().nullable(),
  learningRate: z.number(),
});
export type HistoryPoint = z.infer<typeof HistoryPoint>;

const MAX_POINTS = 2000;

/** One point a step while they fit, then every second, fourth, … step. What is kept depends on the steps alone. */
export class History {
  #points: HistoryPoint[];
  #stride = 1;

  constructor(points: readonly HistoryPoint[] = []) {
    this.#points = [...points];
    this.#thin();
  }

  get points(): readonly HistoryPoint[] {
    return this.#points;
  }

  /** Whether the point of a step would be kept. The first step always is. */
  wants(step: number): boolean {
    return (step - 1) % this.#stride === 0;
  }

  record(point: HistoryPoint): void {
    if (!this.wants(point.step)) return;
    this.#points.push(point);
    this.#thin();
  }

  #thin(): void {
    const last = this.#points.at(-1)?.step ?? 0;
    while (Math.ceil(last / this.#stride) > MAX_POINTS) this.#stride *= 2;
    if (this.#points.length > MAX_POINTS) this.#points = this.#points.filter(({ step }) => this.wants(step));
  }
}
