import { parameterLengths, type EngineShape, type ParameterName, type StateAccess } from '../compute/engine.ts';
import type { Random } from '../foundation/random.ts';
import { rowNorms } from '../sae/canonical.ts';

/** A re-initialised encoder row has this share of the living rows' mean norm (Bricken et al. 2023). */
const ENCODER_SHARE = 0.2;
/** Numbers of a feature, which start at 0: b_enc, or a gated dictionary's b_gate, r and b_mag. A threshold does not. */
const FEATURE_SCALARS: readonly ParameterName[] = ['encoderBias', 'magnitudeScale', 'magnitudeBias', 'threshold'];
/** Numbers of a matrix that are looked at at once. */
const LOOKED_AT = 2 ** 22;

/** Rows drawn without repetition, each with a chance in proportion to its loss squared. */
function drawRows(losses: Float64Array, count: number, random: Random): number[] {
  // Efraimidis and Spirakis 2006: the largest of log(u) / weight.
  const keys = losses.map((loss) => Math.log(1 - random.uniform()) / Math.max(loss * loss, Number.MIN_VALUE));
  return [...keys.keys()].sort((a, b) => keys[b]! - keys[a]! || a - b).slice(0, count);
}

function mean(values: readonly number[], otherwise: number): number {
  return values.length === 0 ? otherwise : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean Euclidean norm of the chosen rows of a matrix; 1 where none is chosen. */
async function meanNorm(
  access: StateAccess,
  name: 'encoder' | 'decoder',
  { dIn, dSae }: EngineShape,
  chosen: readonly number[],
): Promise<number> {
  const norms = new Float64Array(dSae);
  const most = Math.max(1, Math.floor(LOOKED_AT / dIn));
  for (let first = 0; first < dSae; first += most) {
    const rows = new Float32Array(Math.min(most, dSae - first) * dIn);
    await access.read('parameters', name, first * dIn, rows);
    norms.set(rowNorms(rows, rows.length / dIn), first);
  }
  return mean(
    chosen.map((feature) => norms[feature]!),
    1,
  );
}

/** Mean threshold of the chosen features; 0 where none is chosen. */
async function meanThreshold(access: StateAccess, { dSae }: EngineShape, chosen: readonly number[]): Promise<number> {
  const thresholds = new Float32Array(dSae);
  await access.read('parameters', 'threshold', 0, thresholds);
  return mean(
    chosen.map((feature) => thresholds[feature]!),
    0,
  );
}

/** What a feature starts with. */
interface Start {
  readonly encoder: Float32Array;
  readonly decoder: Float32Array;
  readonly threshold: number;
}

/**
 * Dead features start anew from inputs that are reconstructed badly (Bricken et al. 2023, "Towards Monosemanticity", neuron resampling):
 * the decoder row is the input's direction from b_dec, the encoder row the same times 0.2 of the living rows' mean norm, biases and
 * moments 0. At most as many are revived as the batch has rows; the rest waits for the next time. A jumprelu feature has the mean of the
 * living ones' thresholds, and an encoder row as long as theirs: a shorter one would not get above it.
 * @param access to a state, which is changed in place
 * @param batch [tokens, d_in] the latest; @param losses [tokens] its squared reconstruction errors
 */
export async function resampleDead(
  shape: EngineShape,
  access: StateAccess,
  deadAfterTokens: number,
  batch: Float32Array,
  losses: Float64Array,
  random: Random,
): Promise<void> {
  const { dIn, dSae } = shape;
  const counts = await access.counts();
  const features = [...Array(dSae).keys()];
  const dead = features.filter((feature) => counts.tokensSinceFired[feature]! >= deadAfterTokens);
  if (dead.length === 0) return;
  const living = features.filter((feature) => counts.tokensSinceFired[feature]! < deadAfterTokens);
  const decoderNorm = shape.unitNormDecoder ? 1 : await meanNorm(access, 'decoder', shape, living);
  const jumps = shape.architecture.kind === 'jumprelu';
  const encoderNorm = (jumps ? 1 : ENCODER_SHARE) * (await meanNorm(access, 'encoder', shape, living));
  const threshold = jumps ? await meanThreshold(access, shape, living) : 0;
  const centre = new Float32Array(dIn);
  await access.read('parameters', 'decoderBias', 0, centre);
  for (const [index, row] of drawRows(losses, dead.length, random).entries()) {
    const offset = Float64Array.from(batch.subarray(row * dIn, (row + 1) * dIn), (value, i) => value - centre[i]!);
    const length = Math.sqrt(offset.reduce((sum, value) => sum + value * value, 0));
    if (length === 0) continue;
    const feature = dead[index]!;
    await startAnew(shape, access, feature, {
      threshold,
      encoder: Float32Array.from(offset, (value) => (encoderNorm * value) / length),
      decoder: Float32Array.from(offset, (value) => (decoderNorm * value) / length),
    });
    counts.tokensSinceFired[feature] = 0;
  }
  await access.finish(counts);
}

async function startAnew(shape: EngineShape, access: StateAccess, feature: number, start: Start): Promise<void> {
  for (const name of ['encoder', 'decoder'] as const) {
    const { length } = start[name];
    await access.write('parameters', name, feature * length, start[name]);
    for (const part of ['firstMoment', 'secondMoment'] as const)
      await access.write(part, name, feature * length, new Float32Array(length));
  }
  for (const [name] of parameterLengths(shape))
    if (FEATURE_SCALARS.includes(name))
      for (const part of ['parameters', 'firstMoment', 'secondMoment'] as const)
        await access.write(
          part,
          name,
          feature,
          Float32Array.of(part === 'parameters' && name === 'threshold' ? start.threshold : 0),
        );
}
