import { describe, expect, it } from 'vitest';
import { buildParameters, type DictionaryParameters, type EngineShape } from '../../compute/engine.ts';
import { referenceEngine } from '../../../test/reference/engine.ts';
import { UsageError } from '../../foundation/errors.ts';
import { Random } from '../../foundation/random.ts';
import { Architecture } from '../../protocol/architectures.ts';
import { foldHomogeneousScale } from '../canonical.ts';
import type { Dictionary } from '../dictionary.ts';
import { reconstruct } from '../reconstruct.ts';
import { familyOf } from './families.ts';
import { anewLike, continuationOf, parametersFor, storedKind } from './finetuned.ts';
import { prefixWidths } from './matryoshka.ts';

const ALL = [
  { kind: 'topk', k: 3 },
  { kind: 'batchtopk', k: 3 },
  { kind: 'matryoshka', k: 3 },
  { kind: 'relu' },
  { kind: 'relu', penalty: 'plain' },
  { kind: 'jumprelu' },
  { kind: 'jumprelu', penalty: { kind: 'target_l0', target: 3 } },
  { kind: 'gated' },
  { kind: 'transcoder', features: { kind: 'relu' } },
  { kind: 'transcoder', features: { kind: 'batchtopk', k: 3 }, skip: true },
  { kind: 'transcoder', features: { kind: 'jumprelu' }, skip: true },
].map((request) => Architecture.parse(request));

const [D_IN, D_SAE, TOKENS] = [6, 20, 5];
const widthsOf = ({ kind }: Architecture): { dIn: number; dOut: number; dSae: number } => ({
  ...{ dIn: D_IN, dOut: kind === 'transcoder' ? 9 : D_IN, dSae: D_SAE },
});

function drawn(shape: EngineShape, random: Random): DictionaryParameters {
  return buildParameters(shape, (name, length) =>
    Float32Array.from({ length }, () => (name === 'threshold' ? 0.3 * random.uniform() : 0.5 * random.normal())),
  );
}

const dictionaryOf = (architecture: Architecture, notes: Partial<Dictionary> = {}): Dictionary => {
  const family = familyOf(architecture);
  const shape = family.shape(architecture, widthsOf(architecture));
  const stored = family.stored({ shape, parameters: drawn(shape, new Random(4)) }, 0.2);
  return {
    ...{ name: 'd', contentHash: 'c', ...stored, labels: new Map<number, string>(), densities: null },
    ...(architecture.kind === 'transcoder' ? { transcoder: { hookPoint: null } } : {}),
    origin: { model: null, modelHash: null, hookPoint: null, contextLength: null },
    ...notes,
  };
};

describe('a folded scale', () => {
  it.each(ALL.map((architecture) => [JSON.stringify(architecture), architecture] as const))(
    'leaves what is computed as it was: %s',
    async (_, architecture) => {
      const random = new Random(2);
      const { shape, parameters } = dictionaryOf(architecture);
      const scale = { input: 4, output: shape.dOut === shape.dIn ? 4 : 0.5 };
      const raw = Float32Array.from({ length: TOKENS * D_IN }, () => random.normal());
      const run = async (of: DictionaryParameters, rows: Float32Array): Promise<[Float32Array, Float32Array]> => {
        await using engine = await referenceEngine.dictionary(shape, of);
        const features = await engine.encode(rows);
        return [features.values, await reconstruct(engine, of, features, rows)];
      };
      const scaledRows = raw.map((value) => value * scale.input);
      const [scaledFeatures, scaled] = await run(parameters, scaledRows);
      const [features, rows] = await run(foldHomogeneousScale(parameters, scale), raw);
      expect(features.length).toBeGreaterThan(TOKENS);
      expect(features.length).toBe(scaledFeatures.length);
      features.forEach((value, i) => {
        expect(value).toBeCloseTo(scaledFeatures[i]! / scale.output, 4);
      });
      rows.forEach((value, i) => {
        expect(value).toBeCloseTo(scaled[i]! / scale.output, 4);
      });
      const back = foldHomogeneousScale(foldHomogeneousScale(parameters, scale), {
        input: 0.25,
        output: 1 / scale.output,
      });
      expect(back).toEqual(parameters);
    },
  );
});

describe('a stored dictionary', () => {
  it.each(ALL.map((architecture) => [JSON.stringify(architecture), architecture] as const))(
    'goes on training as what it was: %s',
    (_, trainedAs) => {
      const dictionary = dictionaryOf(trainedAs, { trainedAs });
      expect(dictionary.shape.architecture.kind).toBe(storedKind(trainedAs));
      const { architecture, shape } = continuationOf(dictionary, null);
      expect(architecture).toEqual(trainedAs);
      expect(shape).toEqual(familyOf(trainedAs).shape(trainedAs, widthsOf(trainedAs)));
      const parameters = parametersFor(shape, dictionary.parameters);
      expect(parameters.threshold === undefined).toBe(shape.architecture.kind !== 'jumprelu');
      expect(anewLike(dictionary, null).shape).toEqual(shape);
    },
  );

  it('of a batchtopk run infers with one threshold, decoder norms folded in', () => {
    const architecture = Architecture.parse({ kind: 'batchtopk', k: 2, rescaledByDecoderNorm: true });
    const { shape, parameters } = dictionaryOf(architecture);
    expect(shape).toMatchObject({ architecture: { kind: 'jumprelu' }, unitNormDecoder: true });
    expect([...new Set(parameters.threshold)]).toEqual([Math.fround(0.2)]);
    expect(Math.hypot(...parameters.decoder.subarray(0, D_IN))).toBeCloseTo(1, 5);
    expect(continuationOf(dictionaryOf(architecture, { trainedAs: architecture }), null).architecture).toMatchObject({
      rescaledByDecoderNorm: false,
    });
  });

  it('that does not say what it was trained as is what its file allows, once λ is known', () => {
    const jumprelu = dictionaryOf(Architecture.parse({ kind: 'batchtopk', k: 2 }));
    expect(() => continuationOf(jumprelu, null)).toThrow(/--l1 is missing: the dictionary "d"/);
    expect(continuationOf(jumprelu, 0.5).architecture).toMatchObject({
      ...{ kind: 'jumprelu', penalty: { kind: 'step', coefficient: 0.5 } },
    });
    const topk = dictionaryOf(Architecture.parse({ kind: 'topk', k: 2 }));
    expect(continuationOf(topk, null).architecture).toMatchObject({ kind: 'topk', k: 2 });
    const relu = dictionaryOf(Architecture.parse({ kind: 'relu' }), { sparsityCoefficient: 3 });
    expect(continuationOf(relu, null).architecture).toMatchObject({ kind: 'relu', l1: 3 });
    expect(continuationOf(relu, 2).architecture).toMatchObject({ kind: 'relu', l1: 2 });
  });

  it('without a penalty refuses a weight for it', () => {
    const trainedAs = Architecture.parse({ kind: 'batchtopk', k: 2 });
    expect(() => continuationOf(dictionaryOf(trainedAs, { trainedAs }), 1)).toThrow(UsageError);
  });
});

describe('a request', () => {
  it.each([
    [{ kind: 'batchtopk', k: 21 }, /--k is 21 and --d-sae is 20/],
    [{ kind: 'matryoshka', k: 3, prefixes: { kind: 'widths', widths: [4, 4] } }, /--widths is 4,4; .* \(4 is not\)/],
    [{ kind: 'matryoshka', k: 3, prefixes: { kind: 'widths', widths: [4, 40] } }, /at most --d-sae, which is 20/],
    [{ kind: 'transcoder', features: { kind: 'batchtopk', k: 21 } }, /--k is 21/],
  ])('that no dictionary of 20 features can meet is refused: %j', (request, message) => {
    const architecture = Architecture.parse(request);
    expect(() => {
      familyOf(architecture).check(architecture, D_SAE);
    }).toThrow(message);
  });
});

describe('the prefixes of matryoshka', () => {
  it('are the given widths, or halves, each once and d_sae last', () => {
    const random = new Random(1);
    expect(prefixWidths({ kind: 'widths', widths: [3, 8] }, 20, random)).toEqual([3, 8, 20]);
    expect(prefixWidths({ kind: 'widths', widths: [3, 20] }, 20, random)).toEqual([3, 20]);
    expect(prefixWidths({ kind: 'halved', levels: 3 }, 20, random)).toEqual([5, 10, 20]);
    expect(prefixWidths({ kind: 'halved', levels: 9 }, 4, random)).toEqual([1, 2, 4]);
  });

  it('that are sampled follow from the generator alone and reach from short to long', () => {
    const draw = (seed: number): readonly number[] =>
      prefixWidths({ kind: 'sampled', levels: 5 }, 4096, new Random(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const all = Array.from({ length: 200 }, (_, seed) => draw(seed)).flatMap((widths) => widths.slice(0, -1));
    expect(all.every((width) => Number.isInteger(width) && width >= 1 && width <= 4096)).toBe(true);
    const short = all.filter((width) => width < 64).length / all.length;
    // Half of the draws; equal ones, which are mostly short, count once.
    expect(short).toBeGreaterThan(0.3);
    expect(short).toBeLessThan(0.5);
  });
});
