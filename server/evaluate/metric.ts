/**
 * A number that is a function of sums over tokens, so that it can be formed again for any set of documents from their sums.
 * The formula is printed beside the number; `n` is added by whoever reports it.
 */
export interface MetricDefinition<Sums> {
  readonly name: string;
  readonly formula: string;
  /** NaN where the formula divides by zero. */
  readonly statistic: (sums: Sums) => number;
}

/** Zeros under all names, to be added to. */
export function zeroSums<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

export function addSums<Name extends string>(into: Record<Name, number>, sums: Readonly<Record<Name, number>>): void {
  for (const name of Object.keys(sums) as Name[]) into[name] += sums[name];
}
