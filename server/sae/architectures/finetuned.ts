/** What a stored dictionary goes on training as. */
import type { DictionaryParameters, EngineArchitecture, EngineShape } from '../../compute/engine.ts';
import { buildParameters } from '../../compute/engine.ts';
import { UsageError } from '../../foundation/errors.ts';
import { Architecture } from '../../protocol/architectures.ts';
import type { Dictionary } from '../dictionary.ts';
import { familyOf } from './families.ts';

/** Kind of the shape that an architecture is stored as. */
export function storedKind(architecture: Architecture): EngineArchitecture['kind'] {
  switch (architecture.kind) {
    case 'batchtopk':
    case 'matryoshka':
      return 'jumprelu';
    case 'transcoder':
      return storedKind(architecture.features);
    default:
      return architecture.kind;
  }
}

function needed(name: string, coefficient: number | null): number {
  if (coefficient === null)
    throw new UsageError(`--l1 is missing: the dictionary "${name}" does not say what it was trained with`);
  return coefficient;
}

function ofShape(name: string, { architecture }: EngineShape, coefficient: number | null): unknown {
  switch (architecture.kind) {
    case 'relu':
      return { ...architecture, l1: needed(name, coefficient) };
    case 'gated':
      return { ...architecture, l1: needed(name, coefficient) };
    case 'jumprelu':
      return { ...architecture, penalty: { ...architecture.penalty, coefficient: needed(name, coefficient) } };
    case 'topk':
    case 'batchtopk':
    case 'matryoshka':
      return architecture;
  }
}

/** What its file says it was trained as; where it says nothing, what its shape allows. @param coefficient λ */
function architectureOf(dictionary: Dictionary, coefficient: number | null): Architecture {
  const { name, shape, trainedAs, sparsityCoefficient, transcoder } = dictionary;
  if (trainedAs !== undefined)
    return coefficient === null ? trainedAs : familyOf(trainedAs).withCoefficient(trainedAs, coefficient);
  const features = ofShape(name, shape, coefficient ?? sparsityCoefficient ?? null);
  const { skip } = shape;
  const parsed = Architecture.safeParse(transcoder === undefined ? features : { kind: 'transcoder', features, skip });
  if (parsed.success) return parsed.data;
  throw new UsageError(
    `the dictionary "${name}" is a transcoder of ${shape.architecture.kind} features, which cannot be trained here; its features can be relu, batchtopk or jumprelu`,
  );
}

/** Decoder norms are folded in what is stored. */
function withoutRescaling(architecture: Architecture): Architecture {
  if (architecture.kind === 'transcoder')
    return architecture.features.kind === 'batchtopk'
      ? { ...architecture, features: { ...architecture.features, rescaledByDecoderNorm: false } }
      : architecture;
  return 'rescaledByDecoderNorm' in architecture ? { ...architecture, rescaledByDecoderNorm: false } : architecture;
}

export interface Continuation {
  readonly architecture: Architecture;
  readonly shape: EngineShape;
}

/**
 * How training goes on from a dictionary's weights: same architecture, decoder and bias treated as they were.
 * @param coefficient λ; null for the one it was trained with
 * @throws UsageError when the dictionary does not say λ and none is given, or it has none and one is
 */
export function continuationOf(dictionary: Dictionary, coefficient: number | null): Continuation {
  const architecture = withoutRescaling(architectureOf(dictionary, coefficient));
  const { dIn, dOut, dSae, applyDecoderBiasToInput, unitNormDecoder } = dictionary.shape;
  const shape = familyOf(architecture).shape(architecture, { dIn, dOut, dSae });
  return { architecture, shape: { ...shape, applyDecoderBiasToInput, unitNormDecoder } };
}

/** The same architecture and size, from new weights. @throws as {@link continuationOf} */
export function anewLike(dictionary: Dictionary, coefficient: number | null): Continuation {
  const architecture = architectureOf(dictionary, coefficient);
  const { dIn, dOut, dSae } = dictionary.shape;
  return { architecture, shape: familyOf(architecture).shape(architecture, { dIn, dOut, dSae }) };
}

/** The stored arrays that the training shape has too: a batchtopk dictionary's threshold is no parameter of it. */
export function parametersFor(shape: EngineShape, stored: DictionaryParameters): DictionaryParameters {
  return buildParameters(shape, (name, length) => {
    const values = stored[name];
    if (values?.length !== length) throw new Error(`the dictionary has no ${name} of ${length} values`);
    return values;
  });
}
