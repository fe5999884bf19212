import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { keepLargest } from '../../../test/reference/matrices.ts';
import { PROBLEM_SEED } from '../../../test/reference/engines-under-test.ts';
import { startTensorFlow, type Tf } from './backend.ts';
import { largestOfAll, largestOfRows } from './selection.ts';
import { floatsOf } from './tensors.ts';

const CHOICES = [-2, -0, 0, 1e-30, Math.fround(0.1), 0.5, 3, 3e38];
/** Above 0, in the order of the values. */
const rankOf = (value: number): number => 1 + CHOICES.filter((other) => other < value).length;

/** Rows of few different values, so that many are equal; zeros of both signs and extremes among them. */
const matrix = fc
  .record({ rows: fc.integer({ min: 1, max: 6 }), columns: fc.integer({ min: 1, max: 9 }) })
  .chain(({ rows, columns }) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      values: fc.array(fc.constantFrom(...CHOICES), {
        minLength: rows * columns,
        maxLength: rows * columns,
      }),
    }),
  );

describe('a selection', () => {
  let tf: Tf;
  beforeAll(async () => {
    ({ tf } = await startTensorFlow({ kind: 'own' }));
  });

  it('of rows takes as many as asked for, of equal ones the first', () => {
    fc.assert(
      fc.property(matrix, fc.nat(), ({ rows, columns, values }, some) => {
        const k = 1 + (some % columns);
        const chosen = floatsOf(largestOfRows(tf, tf.tensor(values, [rows, columns]), k));
        for (let row = 0; row < rows; row++) {
          const ranks = Float64Array.from(values.slice(row * columns, (row + 1) * columns), rankOf);
          const expected = [...keepLargest(ranks, k)].map((value) => Number(value !== 0));
          expect([...chosen.slice(row * columns, (row + 1) * columns)]).toEqual(expected);
        }
      }),
      { seed: PROBLEM_SEED },
    );
  });

  it('of a whole matrix takes no more than asked for and positive ones only, of equal ones the first', () => {
    fc.assert(
      fc.property(matrix, fc.nat(), ({ rows, columns, values }, some) => {
        const count = 1 + (some % (rows * columns));
        const chosen = floatsOf(largestOfAll(tf, tf.tensor(values, [rows, columns]), count));
        const positive = Float64Array.from(values, (value) => Math.max(value, 0));
        expect([...chosen]).toEqual([...keepLargest(positive, count)].map((value) => Number(value > 0)));
      }),
      { seed: PROBLEM_SEED },
    );
  });
});
