import type { TrainingPoint } from '../foundation/training-point.ts';

const MAX_POINTS = 2000;

/** One point a step while they fit, then every second, fourth, … step. What is kept depends on the steps alone. */
export class History {
  #points: TrainingPoint[];
  #stride = 1;

  constructor(points: readonly TrainingPoint[] = []) {
    this.#points = [...points];
    this.#thin();
  }

  get points(): readonly TrainingPoint[] {
    return this.#points;
  }

  /** Whether the point of a step would be kept. The first step always is. */
  wants(step: number): boolean {
    return (step - 1) % this.#stride === 0;
  }

  record(point: TrainingPoint): void {
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
