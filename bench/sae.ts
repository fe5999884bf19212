/**
 * One training step of a sparse autoencoder on this machine: our engines, and other people's code where the peers' environment stands
 * beside the clone (or SSAE_PEERS_PYTHON names its Python). Each round runs every one of them.
 */
import { availableParallelism, cpus } from 'node:os';
import type {
  EngineArchitecture,
  EngineName,
  EngineShape,
  EngineTrainer,
  StepSettings,
} from '../server/compute/engine.ts';
import { engineAvailability, openEngine } from '../server/compute/engines.ts';
import { unwatched, type JobControl } from '../server/foundation/progress.ts';
import { Random } from '../server/foundation/random.ts';
import type { Objective } from '../server/protocol/requests.ts';
import { weighLosses } from '../server/train/objective.ts';
import { compare, measure, medianMilliseconds, timed, type Measured, type Side } from './rounds.ts';
import { PEERS, peersPython, peerStep, type PeerName } from './training-peers.ts';

export interface SaeCase {
  readonly architecture: EngineArchitecture['kind'];
  readonly dIn: number;
  readonly dSae: number;
  /** 0 where nothing limits the features: biases or thresholds let about 100 of 8,192 fire. */
  readonly k: number;
  readonly batch: number;
}

/** A case that may be worth no more than so many rounds. */
export interface LimitedCase extends SaeCase {
  readonly mostRounds?: number;
}

const LARGE = { dIn: 512, dSae: 8192, batch: 2048 } as const;
export const CASES: readonly SaeCase[] = [
  { architecture: 'topk', ...LARGE, k: 32 },
  { architecture: 'batchtopk', ...LARGE, k: 32 },
  { architecture: 'matryoshka', ...LARGE, k: 32 },
  { architecture: 'relu', ...LARGE, k: 0 },
  { architecture: 'jumprelu', ...LARGE, k: 0 },
  { architecture: 'gated', ...LARGE, k: 0 },
  { architecture: 'topk', dIn: 256, dSae: 4096, k: 32, batch: 2048 },
  { architecture: 'topk', dIn: 768, dSae: 24576, k: 32, batch: 2048 },
];
/** CASES, and a width at which a round of everybody takes half a minute. */
export const FULL_CASES: readonly LimitedCase[] = [
  ...CASES,
  { architecture: 'topk', dIn: 512, dSae: 65536, k: 32, batch: 2048, mostRounds: 3 },
];
/** Enough to see in two minutes that nothing is broken. */
export const QUICK_CASES: readonly SaeCase[] = [
  { architecture: 'topk', dIn: 256, dSae: 4096, k: 32, batch: 1024 },
  { architecture: 'batchtopk', dIn: 256, dSae: 4096, k: 32, batch: 1024 },
  { architecture: 'jumprelu', dIn: 256, dSae: 4096, k: 0, batch: 1024 },
];
const OBJECTIVES: readonly Objective[] = [
  { kind: 'erm' },
  { kind: 'term', tilt: { kind: 'relative', tau: 0.5 }, tilts: 'loss' },
];
const SETTINGS: StepSettings = {
  ...{ learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradientNorm: null, auxiliary: null },
};

export interface SaeRow extends SaeCase {
  readonly engine: EngineName;
  readonly objective: Objective['kind'];
  readonly peer: PeerName | null;
  readonly rounds: number;
  readonly threads: number;
  /** Peer's median over ours; null without a peer. */
  readonly ratio: number | null;
  readonly ratioLow: number | null;
  readonly ratioHigh: number | null;
  /** The same of processor time, which other programs on the machine disturb less. */
  readonly cpuRatio: number | null;
  readonly ourMilliseconds: number;
  readonly peerMilliseconds: number | null;
  readonly l0: number | null;
}

export interface SaeBenchmark {
  readonly machine: string;
  readonly rows: readonly SaeRow[];
}

function architectureOf({ architecture: kind, k }: SaeCase): EngineArchitecture {
  if (kind === 'relu') return { kind, penalty: 'decoder_norm_weighted' };
  if (kind === 'gated') return { kind, variant: 'paper' };
  if (kind === 'jumprelu') return { kind, penalty: { kind: 'step' }, bandwidth: 0.03, straightThroughToInput: false };
  return { kind, k, rescaledByDecoderNorm: false };
}

/** Pre-activations of the benchmark's data are standard normal: about 1.4 % lie above this. */
const RARE = 2.2;

class OurSide implements Side {
  readonly #trainer: EngineTrainer;
  readonly #batch: Float32Array;
  readonly #objective: Objective;
  readonly #widths: readonly number[];
  readonly #dispose: () => Promise<void>;

  private constructor(trainer: EngineTrainer, batch: Float32Array, objective: Objective, dispose: () => Promise<void>) {
    const { dSae, architecture } = trainer.shape;
    this.#trainer = trainer;
    this.#batch = batch;
    this.#objective = objective;
    this.#widths = architecture.kind === 'matryoshka' ? [dSae / 16, dSae / 4, dSae] : [];
    this.#dispose = dispose;
  }

  static async open(name: EngineName, each: SaeCase, objective: Objective, threads: number): Promise<OurSide> {
    const { architecture, dIn, dSae, batch } = each;
    const random = new Random(0);
    const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
    const shape: EngineShape = {
      ...{ dIn, dOut: dIn, dSae, skip: false, applyDecoderBiasToInput: true },
      unitNormDecoder: architecture !== 'relu' && architecture !== 'jumprelu',
      architecture: architectureOf(each),
    };
    const encoder = normals(dSae * dIn).map((value) => value * dIn ** -0.5);
    const filled = (value: number): Float32Array => new Float32Array(dSae).fill(value);
    const engine = await openEngine(name, { threads });
    const trainer = await engine.trainer(shape, {
      ...{ encoder, decoder: encoder, decoderBias: new Float32Array(dIn) },
      encoderBias: filled(architecture === 'relu' || architecture === 'gated' ? -RARE : 0),
      ...(architecture === 'jumprelu' ? { threshold: filled(RARE) } : {}),
      ...(architecture === 'gated' ? { magnitudeScale: filled(0), magnitudeBias: filled(-RARE) } : {}),
    });
    return new OurSide(trainer, normals(batch * dIn), objective, async () => engine[Symbol.asyncDispose]());
  }

  step(): Promise<Measured> {
    return timed(async () => {
      const settings = { sparsityCoefficient: 1e-3, widths: this.#widths };
      const { active, reconstruction, sparsity } = await this.#trainer.forward(this.#batch, settings);
      const { weights } = weighLosses(this.#objective, reconstruction, sparsity);
      await this.#trainer.backward(weights, SETTINGS);
      return active / reconstruction.length;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose();
  }
}

/** One of ours, measured. */
interface OurMeasured {
  readonly engine: EngineName;
  readonly objective: Objective['kind'];
  readonly measured: readonly Measured[];
}

interface PeerMeasured {
  readonly peer: PeerName;
  readonly measured: readonly Measured[];
}

function rowOf(
  each: SaeCase,
  threads: number,
  { engine, objective, measured }: OurMeasured,
  against: PeerMeasured | null,
): SaeRow {
  const figures = {
    engine,
    objective,
    ...each,
    rounds: measured.length,
    threads,
    ourMilliseconds: medianMilliseconds(measured),
    l0: measured.at(-1)!.l0,
  };
  if (against === null)
    return {
      ...figures,
      peer: null,
      peerMilliseconds: null,
      ratio: null,
      ratioLow: null,
      ratioHigh: null,
      cpuRatio: null,
    };
  return {
    ...figures,
    ...{ peer: against.peer, peerMilliseconds: medianMilliseconds(against.measured) },
    ...compare(measured, against.measured),
  };
}

/** Every engine with both objectives beside every peer that has the architecture. */
async function benchCase(each: SaeCase, rounds: number, control: JobControl): Promise<SaeRow[]> {
  const threads = availableParallelism();
  // TensorFlow.js is there to check the others, not to be fast: a step of these sizes takes its CPU backend minutes.
  const engines = (await engineAvailability()).filter(({ name, available }) => available && name !== 'tensorflow');
  const python = peersPython();
  const ours = engines.flatMap(({ name }) => OBJECTIVES.map((objective) => ({ engine: name, objective })));
  const peers = python === null ? [] : PEERS.filter(({ architectures }) => architectures.includes(each.architecture));
  const sides: Side[] = [];
  try {
    for (const { engine, objective } of ours) sides.push(await OurSide.open(engine, each, objective, threads));
    for (const { name } of peers) sides.push(peerStep(python!, name, each, threads));
    const measured = await measure(sides, rounds, control);
    const against = peers.map(({ name }, i) => ({ peer: name, measured: measured[ours.length + i]! }));
    return ours.flatMap(({ engine, objective }, i) => {
      const our = { engine, objective: objective.kind, measured: measured[i]! };
      if (objective.kind !== 'erm' || against.length === 0) return [rowOf(each, threads, our, against[0] ?? null)];
      return against.map((peer) => rowOf(each, threads, our, peer));
    });
  } finally {
    for (const side of sides) await side[Symbol.asyncDispose]();
  }
}

/** @param rounds at least 7 for a figure that is published */
export async function benchSae(
  rounds: number,
  control: JobControl = unwatched,
  cases: readonly LimitedCase[] = CASES,
): Promise<SaeBenchmark> {
  const rows: SaeRow[] = [];
  for (const [index, { mostRounds = rounds, ...each }] of cases.entries()) {
    const { architecture, dIn, dSae } = each;
    control.report({ stage: `${architecture} ${dIn} × ${dSae}`, done: index, total: cases.length, unit: 'shapes' });
    rows.push(...(await benchCase(each, Math.min(rounds, mostRounds), control)));
  }
  return { machine: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads`, rows };
}
