import { expect, it } from 'vitest';
import { openEngine } from '../compute/engines.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { activationsOfFeature } from './feature-activations.ts';

const [TOKENS, D_IN, D_SAE, K] = [40, 8, 64, 4];

/** Numbers of [−1, 1), the same each time. */
function numbers(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 2 * ((Math.sin(seed + i * 12.9898) * 43758.5453) % 1));
}

it('the activations of one feature are those of an encoding of every row, bit by bit, for each feature and bound', async () => {
  const shape = {
    ...{ dIn: D_IN, dSae: D_SAE, architecture: { kind: 'topk', k: K } as const },
    ...{ applyDecoderBiasToInput: true, unitNormDecoder: false },
  };
  const parameters = {
    encoder: numbers(D_SAE * D_IN, 1),
    encoderBias: numbers(D_SAE, 2),
    decoder: numbers(D_SAE * D_IN, 3),
    decoderBias: numbers(D_IN, 4),
  };
  await using engines = await openEngine('auto', { threads: 1 });
  const engine = await engines.dictionary(shape, parameters);
  const dictionary = { shape, parameters } as unknown as Dictionary;
  const rows = numbers(TOKENS * D_IN, 5);
  const { offsets, features, values } = await engine.encode(rows);
  let fired = 0;
  for (let feature = 0; feature < D_SAE; feature++) {
    const expected = new Float32Array(TOKENS);
    for (let token = 0; token < TOKENS; token++)
      for (let i = offsets[token]!; i < offsets[token + 1]!; i++)
        if (features[i] === feature) expected[token] = values[i]!;
    const fires = expected.filter((value) => value > 0);
    fired += fires.length;
    for (const weakest of [0, fires.reduce((least, value) => Math.min(least, value), Infinity)])
      expect(await activationsOfFeature(rows, feature, { dictionary, engine }, weakest)).toEqual(expected);
  }
  expect(fired).toBeGreaterThan(TOKENS);
});
