import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { identityDictionary } from '../../test/character-model.ts';
import { referenceEngine } from '../../test/reference/engine.ts';
import { synthesise, writeActivations } from '../../test/synthetic-activations.ts';
import { unwatched } from '../foundation/progress.ts';
import { splitHeldOut } from './held-out-split.ts';
import { measureHeldOut } from './measure.ts';

it('counts how often each feature fires, over the training rows too where few are held out', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ssae-measure-'));
  try {
    const values = synthesise(3000, 4, 12, 1);
    const data = await writeActivations(folder, values, 4);
    const { dictionary } = identityDictionary('identity', 1);
    const split = splitHeldOut(data, 0.1, 0);
    const { final, densities } = await measureHeldOut(referenceEngine, dictionary, data, split, unwatched, '');
    const shares = [0, 0, 0, 0];
    values.forEach((value, i) => (shares[i % 4]! += value > 0 ? 1 / 3000 : 0));
    expect(densities.tokens).toBe(3000);
    densities.shares.forEach((share, feature) => {
      expect(share).toBeCloseTo(shares[feature]!, 6);
    });
    // The other figures stay those of the held-out rows.
    const heldOut = new Set(
      split.heldOut.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i)),
    );
    const active = values.filter((value, i) => value > 0 && heldOut.has(Math.floor(i / 4))).length;
    expect(final.l0).toBeCloseTo(active / split.heldOutRows, 9);
  } finally {
    await rm(folder, { recursive: true });
  }
});
