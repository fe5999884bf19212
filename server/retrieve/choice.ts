import type { Passage } from '../corpus/passage.ts';
import { OverlapFilter, type HashedText } from './overlap.ts';
import type { Hit } from './selection.ts';

/** A passage and what it is worth to an arm. */
export type ScoredPassage = Pick<Hit, 'passage' | 'score'>;

/** A budget counts as filled once less than this share of it is left. */
const LEFT_SHARE = 0.01;

/**
 * Passages taken in the order they are offered, under a token budget. One that repeats a seed or a passage already taken is
 * dropped and counted; one that does not fit is passed over, so that shorter ones below it can fill the budget.
 */
export class BudgetedChoice {
  readonly #budget: number;
  readonly #overlap: OverlapFilter;
  readonly #hits: Hit[] = [];
  #tokens = 0;
  #overlapDropped = 0;
  #passedOver = false;

  /** @param pinned taken before anything is offered, in this order, whatever they repeat; they fit the budget together */
  constructor(budget: number, seeds: Iterable<HashedText>, pinned: readonly ScoredPassage[] = []) {
    this.#budget = budget;
    this.#overlap = new OverlapFilter(seeds);
    for (const { passage, score } of pinned) this.#take(passage, score);
  }

  get hits(): readonly Hit[] {
    return this.#hits;
  }
  get tokens(): number {
    return this.#tokens;
  }
  get overlapDropped(): number {
    return this.#overlapDropped;
  }

  /** Nothing more needs to be offered. */
  get full(): boolean {
    const left = this.#budget - this.#tokens;
    return left === 0 || (this.#passedOver && left <= this.#budget * LEFT_SHARE);
  }

  offer(passage: Passage, score: number): void {
    if (this.full) return;
    if (passage.tokens > this.#budget - this.#tokens) {
      this.#passedOver = true;
      return;
    }
    if (this.#overlap.repeats(passage)) {
      this.#overlapDropped++;
      return;
    }
    this.#take(passage, score);
  }

  #take(passage: Passage, score: number): void {
    this.#overlap.add(passage);
    this.#hits.push({ rank: this.#hits.length + 1, score, passage });
    this.#tokens += passage.tokens;
  }
}
