/** A passage's id and how well it fits; higher is better. */
export interface ScoredId {
  readonly id: string;
  readonly score: number;
}

/** The best passages by falling score, equal scores by id. */
export interface Ranking {
  readonly hits: readonly ScoredId[];
  /** Nothing that could be ranked is missing from `hits`. */
  readonly complete: boolean;
}

export function compareScored(a: ScoredId, b: ScoredId): number {
  return b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/**
 * The best `limit` of `ids` by score. Keeps at most 2 · limit at a time, so that ranking the few best of many is one pass.
 * @param scores [ids]
 */
export function bestOf(ids: readonly string[], scores: Float32Array, limit: number): Ranking {
  let kept: ScoredId[] = [];
  let threshold = -Infinity;
  const cut = (): void => {
    kept = kept.sort(compareScored).slice(0, limit);
    if (kept.length === limit) threshold = kept.at(-1)!.score;
  };
  for (let row = 0; row < ids.length; row++) {
    const score = scores[row]!;
    if (score < threshold) continue;
    kept.push({ id: ids[row]!, score });
    if (kept.length >= 2 * limit) cut();
  }
  cut();
  return { hits: kept, complete: limit >= ids.length };
}
