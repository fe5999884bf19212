import type { DictionaryParameters, Engine, EngineShape } from '../compute/engine.ts';
import type { Architecture } from '../protocol/architectures.ts';

/** Pre-activations that are looked at, at most. */
const MAX_VALUES = 2 ** 24;

/** L0 that new thresholds are to give; null where the request names thresholds, or no L0. */
function wantedL0(architecture: Architecture): number | null {
  const features = architecture.kind === 'transcoder' ? architecture.features : architecture;
  if (features.kind !== 'jumprelu' || features.initialThreshold !== null) return null;
  return features.penalty.kind === 'target_l0' ? features.penalty.target : null;
}

/**
 * The weights with one θ for all features at which a sample's L0 is the target's: Adam moves a threshold by little more than its learning
 * rate a step, and a short run would end before it arrived. As they are where there is no target, or fewer values are above 0.
 * @param inputs [rows, d_in] scaled as in training
 */
export async function withTargetThreshold(
  engine: Engine,
  shape: EngineShape,
  architecture: Architecture,
  parameters: DictionaryParameters,
  inputs: Float32Array,
): Promise<DictionaryParameters> {
  const target = wantedL0(architecture);
  if (target === null) return parameters;
  const { dIn, dSae } = shape;
  const rows = Math.min(inputs.length / dIn, Math.max(1, Math.floor(MAX_VALUES / dSae)));
  const open = { ...parameters, threshold: new Float32Array(dSae) };
  await using dictionary = await engine.dictionary(shape, open);
  const { values } = await dictionary.encode(inputs.subarray(0, rows * dIn));
  const last = values.length - Math.round(target * rows);
  if (last <= 0) return parameters;
  return { ...parameters, threshold: new Float32Array(dSae).fill(values.toSorted()[last - 1]!) };
}
