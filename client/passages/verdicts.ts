/** What the reader decided about passages of a selection: ids, in the order they were decided. */
export interface Verdicts {
  readonly pinned: readonly string[];
  readonly struck: readonly string[];
}

export type Verdict = 'pinned' | 'struck';

export function verdictOn({ pinned, struck }: Verdicts, id: string): Verdict | null {
  if (pinned.includes(id)) return 'pinned';
  return struck.includes(id) ? 'struck' : null;
}

/** Gives a passage a verdict, or takes it back where it has that one. */
export function toggled(verdicts: Verdicts, id: string, verdict: Verdict): Verdicts {
  const without = (ids: readonly string[]): string[] => ids.filter((each) => each !== id);
  const [pinned, struck] = [without(verdicts.pinned), without(verdicts.struck)];
  if (verdictOn(verdicts, id) === verdict) return { pinned, struck };
  return verdict === 'pinned' ? { pinned: [...pinned, id], struck } : { pinned, struck: [...struck, id] };
}

/** Passages about which two sets of verdicts differ. */
export function countChanges(before: Verdicts, after: Verdicts): number {
  const ids = new Set([...before.pinned, ...before.struck, ...after.pinned, ...after.struck]);
  return [...ids].filter((id) => verdictOn(before, id) !== verdictOn(after, id)).length;
}
