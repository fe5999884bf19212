/** Selections of the largest values as masks of 0 and 1, which autograd takes as constants. */
import type { Rank, Tensor } from '@tensorflow/tfjs-core';
import type { Tf } from './backend.ts';

/**
 * The k largest of each row; ties go to the lower feature, as both TensorFlow and tfjs's CPU backend have it.
 * @param values [rows, columns] @returns [rows, columns]
 */
export function largestOfRows(tf: Tf, values: Tensor, k: number): Tensor {
  return tf.tidy(() => {
    const [rows, columns] = values.shape as [number, number];
    if (k >= columns) return tf.fill([rows, columns], 1);
    const chosen = tf.reshape(tf.topk(values, k, false).indices, [-1, 1]);
    const row = tf.tensor(
      Int32Array.from({ length: rows * k }, (_, at) => Math.floor(at / k)),
      [rows * k, 1],
      'int32',
    );
    return tf.scatterND(tf.concat([row, chosen], 1), tf.fill([rows * k], 1), [rows, columns]);
  });
}

const INFINITY_BITS = 0x7f80_0000;

/** The number whose float32 bits these are: of numbers ≥ 0 they have the same order. */
function floatOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0]!;
}

/**
 * The `count` largest values above 0 of the whole matrix; ties go to the lower row, then the lower column.
 * Bisects for the smallest that is in, so that nothing is sorted and nothing but counts leaves the device.
 * @param values [rows, columns] @returns [rows, columns]
 */
export function largestOfAll(tf: Tf, values: Tensor, count: number): Tensor {
  return tf.tidy(() => {
    const all = tf.reshape<Rank.R1>(values, [-1]);
    const countOf = (mask: Tensor): number => tf.tidy(() => tf.sum(mask).dataSync()[0]!);
    const positive = tf.greater(all, 0);
    if (countOf(positive) <= count) return tf.cast(tf.reshape(positive, values.shape), 'float32');
    let [inside, outside] = [1, INFINITY_BITS];
    while (outside - inside > 1) {
      const middle = (inside + outside) >>> 1;
      if (countOf(tf.greaterEqual(all, floatOf(middle))) >= count) inside = middle;
      else outside = middle;
    }
    const least = floatOf(inside);
    const larger = tf.greater(all, least);
    const ties = tf.equal(all, least);
    const ranks = tf.cumsum(tf.cast(ties, 'int32'), 0, true);
    const first = tf.logicalAnd(ties, tf.less(ranks, tf.tensor(count - countOf(larger), [], 'int32')));
    return tf.cast(tf.reshape(tf.logicalOr(larger, first), values.shape), 'float32');
  });
}
