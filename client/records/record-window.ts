/** Records that get lenses above and below what is seen: enough to scroll for a while. */
const AROUND = 200;
/** The window moves in steps, so that lenses are not made anew for every line that is scrolled. */
const STEP = 100;

/** A range of records, [first, last). */
export interface RecordWindow {
  readonly first: number;
  readonly last: number;
}

/**
 * The records that get lenses, of a file with any number of them: those near what is visible.
 * @param records with the offset in the document at which each begins, rising
 * @param visible offsets of what is on the screen; null where the file is not shown
 */
export function recordWindow(
  records: readonly { readonly start: number }[],
  visible: { readonly from: number; readonly to: number } | null,
): RecordWindow {
  const from = visible === null ? 0 : countBelow(records, visible.from);
  const to = visible === null ? 0 : countBelow(records, visible.to);
  const first = Math.floor(Math.max(0, from - AROUND) / STEP) * STEP;
  const last = Math.ceil((to + AROUND) / STEP) * STEP;
  return { first, last: Math.min(records.length, last) };
}

/** How many records begin before an offset. */
function countBelow(records: readonly { readonly start: number }[], offset: number): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle]!.start < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
