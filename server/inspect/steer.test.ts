import { describe, expect, it } from 'vitest';
import { CharacterModel, identityDictionary } from '../../test/character-model.ts';
import type { TokenSequence } from '../model/language-model.ts';
import { Interrupted, UsageError } from '../foundation/errors.ts';
import { unwatched } from '../foundation/progress.ts';
import { SteerRequest, type SteerResult } from '../protocol/feature-pages.ts';
import { steer } from './steer.ts';

/** Notes what it runs. Its logits are the activation itself: it repeats the last letter. */
class WatchedModel extends CharacterModel {
  readonly runs: { readonly ids: number[]; readonly activations: number[] }[] = [];

  override logits(
    sequences: readonly TokenSequence[],
    patch?: { readonly hookPoint: string; readonly activations: readonly Float32Array[] },
  ): Promise<Float32Array[]> {
    for (const [i, ids] of sequences.entries())
      this.runs.push({ ids: [...ids], activations: [...patch!.activations[i]!] });
    return super.logits(sequences, patch);
  }
}

const { dictionary } = identityDictionary('identity', 1);
const asked = (
  changes: Partial<SteerRequest>,
  model: CharacterModel = new CharacterModel(8),
  control = unwatched,
): Promise<SteerResult> =>
  steer(
    SteerRequest.parse({ dictionary: 'identity', feature: 3, strength: 5, prompt: 'ab', tokens: 3, ...changes }),
    { model, dictionary },
    control,
  );

describe('steering', () => {
  it('adds strength × the decoder row at every position but BOS, and leaves the other continuation alone', async () => {
    const model = new WatchedModel(8);
    const { without, with: steered } = await asked({ tokens: 2 }, model);
    expect([without, steered]).toEqual(['bb', 'cc']);
    const bos = [100, 100, 100, 100];
    const [a, b] = [
      [0, 1, 0, 0],
      [0, 0, 2, 0],
    ];
    const withFive = (row: readonly number[]): number[] => [...row.slice(0, 3), row[3]! + 5];
    expect(model.runs).toEqual([
      { ids: [0, 1, 2], activations: [...bos, ...a, ...b] },
      { ids: [0, 1, 2], activations: [...bos, ...withFive(a), ...withFive(b)] },
      { ids: [0, 1, 2, 2], activations: [...bos, ...a, ...b, ...b] },
      { ids: [0, 1, 2, 3], activations: [...bos, ...withFive(a), ...withFive(b), 0, 0, 0, 8] },
    ]);
  });

  it('says how far the prompt’s predictions move: the mean KL in nats, computed here by hand', async () => {
    const { divergence } = await asked({});
    // Logits without: (0,1,0,0) and (0,0,2,0); with: (0,1,0,5) and (0,0,2,5).
    const kl = (own: number): number => {
      const [z, zSteered] = [3 + Math.exp(own), 2 + Math.exp(own) + Math.exp(5)];
      return (1 / z) * (Math.log(zSteered / z) - 5) + ((2 + Math.exp(own)) / z) * Math.log(zSteered / z);
    };
    expect(divergence).toBeCloseTo((kl(1) + kl(2)) / 2, 6);
  });

  it('lets others have a turn at every position of the prompt, and stops there when asked to', async () => {
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const abort = new AbortController();
    await asked({ prompt: 'ab'.repeat(100), tokens: 1 }, new CharacterModel(256)).finally(() => (isOver = true));
    expect(turns).toBeGreaterThanOrEqual(200);
    const stopped = asked({}, new CharacterModel(8), { ...unwatched, signal: abort.signal });
    setImmediate(() => {
      abort.abort();
    });
    await expect(stopped).rejects.toThrow(Interrupted);
  });

  it('of strength 0 changes nothing, greedy or sampled', async () => {
    for (const temperature of [0, 1]) {
      const { without, with: steered, divergence } = await asked({ strength: 0, temperature, tokens: 20 });
      expect(steered).toBe(without);
      expect(divergence).toBe(0);
    }
  });

  it('samples the same words from the same seed, and the model’s own distribution', async () => {
    const sampled = { temperature: 1, strength: 0, tokens: 200, prompt: 'a' };
    const first = await asked({ ...sampled, seed: 7 });
    expect((await asked({ ...sampled, seed: 7 })).without).toBe(first.without);
    expect((await asked({ ...sampled, seed: 8 })).without).not.toBe(first.without);
  });

  it('reads the last tokens of a text longer than the context, after BOS', async () => {
    const model = new WatchedModel(4);
    await asked({ prompt: 'aabbcc', tokens: 2, strength: 0 }, model);
    expect(model.runs.map(({ ids }) => ids)).toEqual([
      [0, 2, 3, 3],
      [0, 2, 3, 3],
      [0, 3, 3, 3],
      [0, 3, 3, 3],
    ]);
  });

  it('ends where the model ends the text with its BOS token, and goes on with the other', async () => {
    const { without, with: steered } = await asked({ feature: 0, strength: 50, tokens: 4 });
    expect([without, steered]).toEqual(['bbbb', '']);
  });

  it('stops between tokens, and refuses a feature that does not exist', async () => {
    const controller = new AbortController();
    const control = {
      signal: controller.signal,
      report: () => {
        controller.abort();
      },
    };
    await expect(asked({}, new CharacterModel(8), control)).rejects.toThrow(Interrupted);
    await expect(asked({ feature: 4 })).rejects.toThrow(UsageError);
  });
});
