/**
 * The strongest few items of each of many groups (contexts of each feature). Memory is [groups, capacity], whatever is added.
 */
export class StrongestOfGroups {
  readonly capacity: number;
  /** [groups, capacity] falling within a group; only the first {@link kept} of a group mean something. */
  readonly scores: Float32Array;
  /** [groups, capacity] beside `scores` */
  readonly items: Uint32Array;
  /** [groups] */
  readonly kept: Uint32Array;

  constructor(groups: number, capacity: number) {
    this.capacity = capacity;
    this.scores = new Float32Array(groups * capacity);
    this.items = new Uint32Array(groups * capacity);
    this.kept = new Uint32Array(groups);
  }

  /** Of equal scores the one added first stays in front. */
  add(group: number, score: number, item: number): void {
    const first = group * this.capacity;
    const kept = this.kept[group]!;
    let place = first + kept;
    while (place > first && this.scores[place - 1]! < score) place--;
    if (place === first + this.capacity) return;
    const end = first + Math.min(kept, this.capacity - 1);
    this.scores.copyWithin(place + 1, place, end);
    this.items.copyWithin(place + 1, place, end);
    this.scores[place] = score;
    this.items[place] = item;
    this.kept[group] = Math.min(kept + 1, this.capacity);
  }

  /** Items of a group, strongest first: a view, not a copy. */
  itemsOf(group: number): Uint32Array {
    const first = group * this.capacity;
    return this.items.subarray(first, first + this.kept[group]!);
  }
}
