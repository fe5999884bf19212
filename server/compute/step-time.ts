/** How long a training step takes on an engine: one like a run's own, made smaller until it takes little time anywhere. */
import {
  buildParameters,
  type DictionaryParameters,
  type Engine,
  type EngineShape,
  type EngineTrainer,
  type StepSettings,
} from './engine.ts';

/** The shape and the tokens of a step. */
export interface StepSize {
  readonly shape: EngineShape;
  readonly batch: number;
}

/** Weights of one matrix, and multiplications of one product, at most; the next where a step of the last takes next to no time. */
const LIMITS = [
  { weights: 2 ** 18, products: 2 ** 25 },
  { weights: 2 ** 20, products: 2 ** 28 },
  { weights: 2 ** 22, products: 2 ** 31 },
] as const;
/** A step that takes eight times as long as this is still bearable. */
const NEXT_MILLISECONDS = 20;
const MIN_FEATURES = 16;
const MIN_TOKENS = 32;
/** The fastest of so many steps counts, unless they take longer than this. */
const STEPS = 5;
const BUDGET_MILLISECONDS = 100;

const SETTINGS: StepSettings = {
  ...{ learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  ...{ maxGradientNorm: null, auxiliary: null },
};

/** The step that is timed in another's place: fewer features, then fewer tokens. */
function standIn({ shape, batch }: StepSize, { weights, products }: (typeof LIMITS)[number]): StepSize {
  const width = Math.max(shape.dIn, shape.dOut);
  const dSae = Math.min(shape.dSae, Math.max(MIN_FEATURES, Math.floor(weights / width)));
  const { architecture } = shape;
  return {
    shape: {
      ...{ ...shape, dSae },
      architecture: 'k' in architecture ? { ...architecture, k: Math.min(architecture.k, dSae) } : architecture,
    },
    batch: Math.min(batch, Math.max(MIN_TOKENS, Math.floor(products / (dSae * width)))),
  };
}

/** Numbers in [−1, 1) that repeat after a prime number of them: rows differ, and large matrices are made in no time. */
const NOISE = Float32Array.from({ length: 65521 }, (_, i) => ((i * 40503) % 65521) / 32760.5 - 1);

/** Uniform with this standard deviation. */
function noise(length: number, deviation: number): Float32Array {
  const scaled = NOISE.map((value) => value * deviation * Math.sqrt(3));
  const values = new Float32Array(length);
  for (let at = 0; at < length; at += scaled.length) values.set(scaled.subarray(0, length - at), at);
  return values;
}

/** Pre-activations of standard deviation 1. Where no k limits them, a bias of −2 leaves a few of a hundred features active, as training does. */
function parametersOf(shape: EngineShape): DictionaryParameters {
  const bias = 'k' in shape.architecture ? 0 : -2;
  return buildParameters(shape, (name, length) => {
    if (name === 'encoder') return noise(length, 1 / Math.sqrt(shape.dIn));
    if (name === 'decoder') return noise(length, 1 / Math.sqrt(shape.dOut));
    return new Float32Array(length).fill(name === 'encoderBias' ? bias : 0);
  });
}

async function step(trainer: EngineTrainer, tokens: number, inputs: Float32Array, targets: Float32Array | null) {
  const { architecture, dSae } = trainer.shape;
  const widths = architecture.kind === 'matryoshka' ? [dSae] : [];
  await trainer.forward(inputs, { sparsityCoefficient: 1e-3, targets, widths });
  const equal = new Float64Array(tokens).fill(1 / tokens);
  await trainer.backward({ reconstruction: equal, sparsity: equal }, SETTINGS);
}

/** Milliseconds of the fastest of a few steps, the first left out: it may build what the others use. */
export async function millisecondsOfStep(engine: Engine, { shape, batch }: StepSize): Promise<number> {
  await using trainer = await engine.trainer(shape, parametersOf(shape));
  const inputs = noise(batch * shape.dIn, 1);
  const targets = shape.skip || shape.dIn !== shape.dOut ? noise(batch * shape.dOut, 1) : null;
  await step(trainer, batch, inputs, targets);
  let fastest = Infinity;
  const began = performance.now();
  for (let i = 0; i < STEPS && (i === 0 || performance.now() - began < BUDGET_MILLISECONDS); i++) {
    const started = performance.now();
    await step(trainer, batch, inputs, targets);
    fastest = Math.min(fastest, performance.now() - started);
  }
  return fastest;
}

export interface TimedStep extends StepSize {
  readonly milliseconds: number;
}

/** The largest stand-in for a step, or the step itself, that an engine on processors does in a fraction of a second. */
export async function timeableStep(engine: Engine, size: StepSize): Promise<TimedStep> {
  let timed: TimedStep | null = null;
  for (const limits of LIMITS) {
    const next = standIn(size, limits);
    timed = { ...next, milliseconds: await millisecondsOfStep(engine, next) };
    if (timed.milliseconds > NEXT_MILLISECONDS) break;
  }
  return timed!;
}
