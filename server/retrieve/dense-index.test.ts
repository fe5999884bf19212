import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../foundation/random.ts';
import { DenseIndex } from './dense-index.ts';
import { bestOf, compareScored } from './ranking.ts';

function randomVectors(rows: number, dimensions: number) {
  const random = new Random(7);
  const ids = Array.from({ length: rows }, (_, i) => `p${i}`);
  return { ids, matrix: Float32Array.from({ length: rows * dimensions }, () => random.normal()), dimensions };
}

describe('ranking', () => {
  it('gives what sorting everything gives, equal scores by id', () => {
    const scores = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 60 });
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 70 }), (values, limit) => {
        const ids = values.map((_, i) => `${(i * 37) % 101}`);
        const expected = values.map((score, i) => ({ id: ids[i]!, score })).sort(compareScored);
        const ranking = bestOf(ids, Float32Array.from(values), limit);
        expect(ranking.hits).toEqual(expected.slice(0, limit));
        expect(ranking.complete).toBe(limit >= ids.length);
      }),
    );
  });
});

describe('the dense index', () => {
  // The first is scanned in place, the second by worker threads that share it.
  it.each([
    [100, 7],
    [30_000, 50],
  ])('finds the exact nearest of %d × %d, also for queries at the same time', async (rows, dimensions) => {
    const vectors = randomVectors(rows, dimensions);
    await using index = new DenseIndex(vectors);
    const queries = [3, 41].map((row) => vectors.matrix.slice(row * dimensions, (row + 1) * dimensions));
    const rankings = await Promise.all(queries.map((query) => index.search(query, 10)));
    for (const [q, { hits, complete }] of rankings.entries()) {
      const scores = Float32Array.from({ length: rows }, (_, row) => {
        let sum = 0;
        for (let i = 0; i < dimensions; i++) sum += vectors.matrix[row * dimensions + i]! * queries[q]![i]!;
        return sum;
      });
      const expected = bestOf(vectors.ids, scores, 10).hits;
      expect(hits.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      for (const [i, { score }] of hits.entries()) expect(score).toBeCloseTo(expected[i]!.score, 4);
      expect(complete).toBe(false);
    }
  });

  it('finds nothing in an empty corpus', async () => {
    await using index = new DenseIndex({ ids: [], matrix: new Float32Array(), dimensions: 3 });
    expect(await index.search(new Float32Array(3), 10)).toEqual({ hits: [], complete: true });
  });

  it('refuses a query of another size', async () => {
    await using index = new DenseIndex(randomVectors(2, 3));
    await expect(index.search(new Float32Array(4), 1)).rejects.toThrow('the query has 4 dimensions, the index has 3');
  });
});
