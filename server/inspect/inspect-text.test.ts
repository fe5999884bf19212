import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CharacterModel, identityDictionary } from '../../test/character-model.ts';
import { UsageError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import { unwatched } from '../foundation/progress.ts';
import type { InspectResult } from '../protocol/results.ts';
import { inspectText, type InspectionChoice } from './inspect-text.ts';

const everything: InspectionChoice = { features: [], top: 5 };

function inspect(text: string, contextLength = 8, choice = everything): Promise<InspectResult> {
  const inspected = { model: new CharacterModel(contextLength), ...identityDictionary('half', 0.5) };
  return inspectText(text, inspected, choice, unwatched);
}

describe('the inspection of a text', () => {
  it('lists BOS without text, then the tokens with what fires on them', async () => {
    const result = await inspect('ab');
    expect(result).toMatchObject({
      ...{ model: 'characters', hookPoint: 'blocks.0.hook_resid_post', dictionary: 'half', text_sha256: sha256('ab') },
    });
    expect(result.tokens.map(({ text, start, end }) => [text, start, end])).toEqual([
      ['', 0, 0],
      ['a', 0, 1],
      ['b', 1, 2],
    ]);
    expect(result.tokens[2]!.features).toEqual([{ feature: 2, activation: 2, label: 'b' }]);
    expect(result.tokens[2]!.reconstructionError).toBe(1);
    expect(result.tokens.map(({ loss }) => loss === null)).toEqual([true, false, false]);
    expect(result.tokens[1]!.loss).toBeCloseTo(Math.log(4), 6);
  });

  it('sorts features by activation, equal ones by index, and keeps the strongest', async () => {
    const [bos] = (await inspect('a', 8, { features: [], top: 3 })).tokens;
    expect(bos!.features.map(({ feature }) => feature)).toEqual([0, 1, 2]);
  });

  it('shows only the features asked for, and names one that does not exist', async () => {
    const { tokens } = await inspect('abc', 8, { features: [3], top: 5 });
    expect(tokens.slice(1).map(({ features }) => features.length)).toEqual([0, 0, 1]);
    await expect(inspect('abc', 8, { features: [4], top: 5 })).rejects.toThrow(/feature is 4.*0 to 3/);
  });

  it('reads a text longer than the context in windows: nothing is lost, nothing read twice', async () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(letters, fc.integer({ min: 2, max: 12 }), async (text, contextLength) => {
        const { tokens } = await inspect(text, contextLength);
        expect(tokens.map(({ index }) => index)).toEqual([...tokens.keys()]);
        expect(tokens.map((token) => token.text).join('')).toBe(text);
        // The character model looks one token back, and windows of at least five tokens overlap by one.
        if (contextLength >= 5) expect(tokens).toEqual((await inspect(text, 100)).tokens);
      }),
    );
  });

  it('gives an empty text its BOS and nothing else', async () => {
    expect((await inspect('')).tokens).toHaveLength(1);
  });

  it('refuses a dictionary that names no hook point', async () => {
    const { dictionary, engine } = identityDictionary('half', 0.5);
    const without = { ...dictionary, origin: { ...dictionary.origin, hookPoint: null } };
    const inspected = { model: new CharacterModel(8), dictionary: without, engine };
    await expect(inspectText('a', inspected, everything, unwatched)).rejects.toThrow(UsageError);
  });
});
