/** The few operations the reference needs, on rows of float64. */

/** [rows][columns] */
export type Matrix = readonly Float64Array[];

/** A view of one row: writing to it writes to `values`. */
export const rowOf = (values: Float64Array, width: number, row: number): Float64Array =>
  values.subarray(row * width, (row + 1) * width);

/** Views of all rows. */
export function rowsOf(values: Float64Array, width: number): Matrix {
  return Array.from({ length: values.length / width }, (_, row) => rowOf(values, width, row));
}

export function zeroMatrix(rows: number, columns: number): Matrix {
  return rowsOf(new Float64Array(rows * columns), columns);
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** row += factor · other */
export function addTo(row: Float64Array, factor: number, other: Float64Array): void {
  if (factor !== 0) for (let i = 0; i < row.length; i++) row[i]! += factor * other[i]!;
}

export const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
export const normOf = (row: Float64Array): number => Math.sqrt(dot(row, row));
export const relu = (value: number): number => Math.max(value, 0);

/** Indices by value, largest first; ties towards the lower index. */
export function descending(values: Float64Array): number[] {
  return [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
}

/** All but the `count` largest become 0. */
export function keepLargest(values: Float64Array, count: number): Float64Array {
  const kept = new Float64Array(values.length);
  for (const index of descending(values).slice(0, count)) kept[index] = values[index]!;
  return kept;
}
