import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch, RowSource } from './batches.ts';
import { MixedSource } from './mixed-source.ts';

const SCALE = { input: 1, output: 1 };

/** Rows 0, 1, 2, … of one number each, from `base` on; every three are a passage. */
class Counter implements RowSource {
  position = 0;
  readonly #base: number;

  constructor(base: number) {
    this.#base = base;
  }

  seek(position: number): Promise<void> {
    this.position = position;
    return Promise.resolve();
  }

  deal(tokens: number): Promise<Batch> {
    const rows = Float64Array.from({ length: tokens }, (_, i) => this.position + i);
    this.position += tokens;
    const values = Float32Array.from(rows, (row) => this.#base + row);
    return Promise.resolve({
      values,
      targets: null,
      rows,
      passages: rows.map((row) => Math.floor(row / 3)),
      isGeneral: null,
    });
  }
}

const mixedOf = (share: number): MixedSource => new MixedSource(new Counter(0), new Counter(1e6), share);
const share = fc.double({ min: 0.01, max: 0.95, noNaN: true });

describe('rows of two sources', () => {
  it('have the share of general ones in every batch to within a row, in order, each once', async () => {
    await fc.assert(
      fc.asyncProperty(
        share,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
        async (of, sizes) => {
          const source = mixedOf(of);
          const dealt: number[] = [];
          for (const size of sizes) {
            const { values, isGeneral } = await source.deal(size, SCALE, 1);
            const count = isGeneral!.reduce((sum, one) => sum + one, 0);
            expect(Math.abs(count - of * size)).toBeLessThanOrEqual(1);
            values.forEach((value, i) => {
              expect(value >= 1e6).toBe(isGeneral![i] === 1);
            });
            dealt.push(...values);
          }
          const [own, general] = [dealt.filter((value) => value < 1e6), dealt.filter((value) => value >= 1e6)];
          expect(own).toEqual([...own.keys()]);
          expect(general).toEqual([...general.keys()].map((row) => 1e6 + row));
          expect(source.position).toBe(dealt.length);
        },
      ),
    );
  });

  it('go on from a position as if never interrupted', async () => {
    await fc.assert(
      fc.asyncProperty(share, fc.nat({ max: 500 }), async (of, position) => {
        const whole = mixedOf(of);
        if (position > 0) await whole.deal(position, SCALE, 1);
        const resumed = mixedOf(of);
        await resumed.seek(position);
        expect(await resumed.deal(40, SCALE, 2)).toEqual(await whole.deal(40, SCALE, 2));
      }),
    );
  });

  it('never share a passage', async () => {
    const { passages, isGeneral } = await mixedOf(0.5).deal(100, SCALE, 1);
    const of = (general: number): Set<number> => new Set(passages!.filter((_, i) => isGeneral![i] === general));
    expect([...of(0)].filter((passage) => of(1).has(passage))).toEqual([]);
    expect(of(1).size).toBe(17);
  });
});
