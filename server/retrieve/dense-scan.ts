/** Rows [firstRow, firstRow + rows) of a [passages, dimensions] matrix, and where their scores go; shared between threads. */
export interface DenseSlice {
  readonly matrix: Float32Array;
  /** [passages] */
  readonly scores: Float32Array;
  readonly dimensions: number;
  readonly firstRow: number;
  readonly rows: number;
}

/**
 * scores[row] = matrix[row] · query. Four sums at a time: the additions do not wait for each other.
 * @param query [dimensions]
 */
export function scanRows({ matrix, scores, dimensions, firstRow, rows }: DenseSlice, query: Float32Array): void {
  const fours = dimensions - (dimensions % 4);
  for (let row = firstRow; row < firstRow + rows; row++) {
    const start = row * dimensions;
    let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
    for (let column = 0; column < fours; column += 4) {
      sum0 += matrix[start + column]! * query[column]!;
      sum1 += matrix[start + column + 1]! * query[column + 1]!;
      sum2 += matrix[start + column + 2]! * query[column + 2]!;
      sum3 += matrix[start + column + 3]! * query[column + 3]!;
    }
    for (let column = fours; column < dimensions; column++) sum0 += matrix[start + column]! * query[column]!;
    scores[row] = sum0 + sum1 + sum2 + sum3;
  }
}
