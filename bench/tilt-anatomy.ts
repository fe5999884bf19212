/**
 * `node bench/run.mjs tilt-anatomy --synth FILE… [--k 6]`: what TERM's weights look at, and whether it is where they look or how few
 * rows they leave that costs recovery. Each FILE is one of synth.py, whose true features are known; a line of JSON for every weighting.
 *
 * One general TopK dictionary a file is finetuned on the domain's rows with the weights of a rule. Every rule but ERM has the same
 * effective sample size, half of the batch, except `rare rows`, whose size is the share of such rows.
 */
import { parseArgs } from 'node:util';
import type { DictionaryParameters, Engine, EngineShape, EngineTrainer } from '../server/compute/engine.ts';
import { openEngine } from '../server/compute/engines.ts';
import { Random } from '../server/foundation/random.ts';
import { SafetensorsFile } from '../server/foundation/safetensors.ts';
import { topkLearningRate } from '../server/sae/architectures/family.ts';
import { activationScale, initialParameters, SAMPLE_ROWS } from '../server/train/initialise.ts';
import { tiltForShare } from '../server/train/sample-size-tilt.ts';
import { tiltLosses } from '../server/train/tilted-mean.ts';

const BATCH = 1024;
const [GENERAL_STEPS, STEPS] = [4000, 1500];
const FEATURES = 512;
const SHARE = 0.5;
const RATE = topkLearningRate(FEATURES);
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradientNorm: 1 };
const RECOVERED = 0.9;
const [GENERAL, DOMAIN, SEED] = [0, 1, 2];

/** What synth.py wrote, with rows scaled as training scales them. */
class Truth {
  readonly dIn: number;
  readonly rows: Float32Array;
  readonly directions: Float32Array;
  readonly isRare: Uint8Array;
  /** Per row: true features that fire, and rare ones among them. */
  readonly firing: Uint32Array;
  readonly rare: Uint32Array;
  readonly general: Uint32Array;
  readonly domain: Uint32Array;

  private constructor(tensors: Record<'rows' | 'directions', Float32Array>, dIn: number, flags: Flags) {
    this.dIn = dIn;
    this.rows = tensors.rows;
    this.directions = tensors.directions;
    this.isRare = flags.isRare;
    const rows = flags.split.length;
    this.firing = new Uint32Array(rows);
    this.rare = new Uint32Array(rows);
    for (let row = 0; row < rows; row++) {
      const [start, end] = [Number(flags.offsets[row]!), Number(flags.offsets[row + 1]!)];
      this.firing[row] = end - start;
      for (let at = start; at < end; at++) this.rare[row]! += flags.isRare[flags.features[at]!]!;
    }
    const where = (...wanted: number[]): Uint32Array =>
      Uint32Array.from([...flags.split.keys()].filter((row) => wanted.includes(flags.split[row]!)));
    this.general = where(GENERAL);
    this.domain = where(DOMAIN, SEED);
  }

  static async read(path: string): Promise<Truth> {
    await using file = await SafetensorsFile.open(path);
    const bytes = async (name: string): Promise<ArrayBuffer> => (await file.bytes(name)).buffer;
    const rows = new Float32Array(await bytes('activations'));
    const dIn = file.entry('activations').shape[1]!;
    const scale = activationScale(rows.subarray(0, SAMPLE_ROWS * dIn), dIn);
    for (let at = 0; at < rows.length; at++) rows[at]! *= scale;
    return new Truth({ rows, directions: new Float32Array(await bytes('dictionary')) }, dIn, {
      split: new Uint8Array(await bytes('split')),
      isRare: new Uint8Array(await bytes('is_domain_feature')),
      offsets: new BigInt64Array(await bytes('firing_indptr')),
      features: new Int32Array(await bytes('firing_indices')),
    });
  }

  /** [rows, d_in] */
  gather(chosen: Uint32Array): Float32Array {
    const { dIn } = this;
    const batch = new Float32Array(chosen.length * dIn);
    chosen.forEach((row, at) => {
      batch.set(this.rows.subarray(row * dIn, (row + 1) * dIn), at * dIn);
    });
    return batch;
  }

  /** Share of the rare features that some decoder row [d_sae, d_in], of norm 1, matches with |cos| ≥ 0.9. */
  recovered({ decoder }: DictionaryParameters): number {
    const { dIn, directions, isRare } = this;
    let [found, wanted] = [0, 0];
    isRare.forEach((rare, feature) => {
      if (rare === 0) return;
      wanted++;
      const direction = directions.subarray(feature * dIn, (feature + 1) * dIn);
      let best = 0;
      for (let row = 0; row < decoder.length; row += dIn)
        best = Math.max(best, Math.abs(direction.reduce((sum, value, i) => sum + value * decoder[row + i]!, 0)));
      if (best >= RECOVERED) found++;
    });
    return found / wanted;
  }
}

interface Flags {
  readonly split: Uint8Array;
  readonly isRare: Uint8Array;
  readonly offsets: BigInt64Array;
  readonly features: Int32Array;
}

/** A batch as a rule sees it. */
interface Seen {
  readonly truth: Truth;
  readonly chosen: Uint32Array;
  /** [batch] ‖x − x̂‖² */
  readonly losses: Float64Array;
  readonly random: Random;
}
type Rule = (seen: Seen) => Float64Array;

const even: Rule = ({ losses }) => new Float64Array(losses.length).fill(1 / losses.length);
const tilted = (losses: Float64Array): Float64Array => tiltLosses(losses, tiltForShare(losses, SHARE)).weights;

const energyOf = ({ truth, chosen }: Seen): Float64Array =>
  Float64Array.from(chosen, (row) => {
    let sum = 0;
    for (let i = row * truth.dIn; i < (row + 1) * truth.dIn; i++) sum += truth.rows[i]! ** 2;
    return sum;
  });

/** Weights from true knowledge, made to the same effective sample size: `gain` tells which rows are wanted. */
const knowing =
  (gain: (seen: Seen, at: number) => number): Rule =>
  (seen) =>
    tilted(Float64Array.from(seen.chosen, (_, at) => gain(seen, at)));

const RULES: Readonly<Record<string, Rule>> = {
  ERM: even,
  'tilted losses (TERM)': ({ losses }) => tilted(losses),
  "TERM's weights, shuffled": ({ losses, random }) => random.shuffle(tilted(losses)),
  'tilted share of the row unexplained': (seen) => {
    const energy = energyOf(seen);
    return tilted(seen.losses.map((loss, at) => loss / energy[at]!));
  },
  'most true features': knowing(({ truth, chosen }, at) => truth.firing[chosen[at]!]!),
  'most rare features': knowing(({ truth, chosen }, at) => truth.rare[chosen[at]!]!),
  'rare features, few others': knowing(
    ({ truth, chosen }, at) => (truth.rare[chosen[at]!]! > 0 ? 1 : 0) - truth.firing[chosen[at]!]! / 10,
  ),
  'rare rows': ({ truth, chosen }) => {
    const isWanted = Float64Array.from(chosen, (row) => (truth.rare[row]! > 0 ? 1 : 0));
    const wanted = isWanted.reduce((sum, value) => sum + value, 0);
    return isWanted.map((value) => value / wanted);
  },
};

/** What a batch's weights fall on, beside what its rows are. */
interface Look {
  readonly effectiveShare: number;
  readonly weightOnRareRows: number;
  readonly rareRows: number;
  readonly weightedTrueFeatures: number;
  readonly trueFeatures: number;
  readonly lossToFiring: number;
  readonly lossToRare: number;
}

function correlation(left: ArrayLike<number>, right: ArrayLike<number>): number {
  const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
  const [l, r] = [mean(left), mean(right)];
  let [both, ofLeft, ofRight] = [0, 0, 0];
  for (let i = 0; i < left.length; i++) {
    both += (left[i]! - l) * (right[i]! - r);
    ofLeft += (left[i]! - l) ** 2;
    ofRight += (right[i]! - r) ** 2;
  }
  return both / Math.sqrt(ofLeft * ofRight);
}

function look({ truth, chosen, losses }: Seen, weights: Float64Array): Look {
  const over = (value: (row: number) => number, weight: (at: number) => number): number =>
    chosen.reduce((sum, row, at) => sum + weight(at) * value(row), 0);
  const isRare = (row: number): number => (truth.rare[row]! > 0 ? 1 : 0);
  const firing = (row: number): number => truth.firing[row]!;
  const [weighted, flat] = [(at: number): number => weights[at]!, (): number => 1 / chosen.length];
  return {
    effectiveShare: 1 / weights.reduce((sum, weight) => sum + weight * weight, 0) / chosen.length,
    weightOnRareRows: over(isRare, weighted),
    rareRows: over(isRare, flat),
    weightedTrueFeatures: over(firing, weighted),
    trueFeatures: over(firing, flat),
    lossToFiring: correlation(losses, Array.from(chosen, firing)),
    lossToRare: correlation(
      losses,
      Array.from(chosen, (row) => truth.rare[row]!),
    ),
  };
}

interface Training {
  readonly steps: number;
  readonly learningRate: number;
  readonly from: Uint32Array;
  readonly rule: Rule;
  readonly seed: number;
}

/** @returns the mean over the first and over the last tenth of the steps of what weights fell on */
async function train(trainer: EngineTrainer, truth: Truth, training: Training): Promise<[Look, Look]> {
  const { steps, learningRate, from, rule, seed } = training;
  const random = new Random(seed);
  const tenth = Math.ceil(steps / 10);
  const looks: Look[] = [];
  for (let step = 0; step < steps; step++) {
    const chosen = Uint32Array.from({ length: BATCH }, () => from[random.below(from.length)]!);
    const { reconstruction: losses } = await trainer.forward(truth.gather(chosen), { sparsityCoefficient: 0 });
    const seen: Seen = { truth, chosen, losses, random };
    const weights = rule(seen);
    if (step < tenth || step >= steps - tenth) looks.push(look(seen, weights));
    const rise = Math.min(1, (20 * (step + 1)) / steps);
    const fall = Math.min(1, (5 * (steps - step)) / steps);
    await trainer.backward(
      { reconstruction: weights, sparsity: weights },
      {
        ...ADAM,
        learningRate: learningRate * Math.min(rise, fall),
        auxiliary: {
          ...{ k: truth.dIn / 2, coefficient: 1 / 32, form: 'normalised' },
          deadAfterTokens: BATCH * Math.max(10, Math.round(steps / 20)),
        },
      },
    );
  }
  return [meanOf(looks.slice(0, tenth)), meanOf(looks.slice(tenth))];
}

function meanOf(looks: readonly Look[]): Look {
  const names = Object.keys(looks[0]!) as (keyof Look)[];
  const mean = (name: keyof Look): number => looks.reduce((sum, each) => sum + each[name], 0) / looks.length;
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as unknown as Look;
}

async function anatomyOf(engine: Engine, path: string, seed: number, k: number): Promise<void> {
  const truth = await Truth.read(path);
  const { dIn } = truth;
  const architecture = { kind: 'topk', k, rescaledByDecoderNorm: false } as const;
  const shape: EngineShape = {
    ...{ dIn, dOut: dIn, dSae: FEATURES, architecture, skip: false },
    ...{ applyDecoderBiasToInput: true, unitNormDecoder: true },
  };
  const sample = truth.gather(truth.general.subarray(0, SAMPLE_ROWS));
  const asked = { ...architecture, auxiliaryLoss: true };
  const first = await initialParameters(engine, shape, asked, { inputs: sample, targets: sample }, seed);
  await using general = await engine.trainer(shape, first);
  await train(general, truth, { steps: GENERAL_STEPS, learningRate: RATE, from: truth.general, rule: even, seed });
  const { parameters } = await general.state();
  console.log(JSON.stringify({ seed, rule: null, recovered: truth.recovered(parameters) }));
  for (const [name, rule] of Object.entries(RULES)) {
    await using trainer = await engine.trainer(shape, parameters);
    const training = { steps: STEPS, learningRate: RATE / 3, from: truth.domain, rule, seed: seed + 1000 };
    const [atFirst, atLast] = await train(trainer, truth, training);
    const recovered = truth.recovered((await trainer.state()).parameters);
    console.log(JSON.stringify({ seed, rule: name, recovered, atFirst, atLast }));
  }
}

const { values } = parseArgs({
  options: { synth: { type: 'string', multiple: true, default: [] }, k: { type: 'string', default: '6' } },
});
if (values.synth.length === 0) throw new Error('--synth is missing: a file that synth.py wrote, once for each seed');
await using engine = await openEngine('cpu', { threads: 2 });
for (const [seed, path] of values.synth.entries()) await anatomyOf(engine, path, seed, Number(values.k));
