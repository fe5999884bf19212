/**
 * One training step of a sparse autoencoder on this machine: our engines, and dense PyTorch on as many threads where the
 * peers' environment stands beside the clone (or SSAE_PEERS_PYTHON names its Python). Each round runs every one of them.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineName, EngineShape, EngineTrainer, StepSettings, TokenWeights } from '../server/compute/engine.ts';
import { engineAvailability, openEngine } from '../server/compute/engines.ts';
import { WorkError } from '../server/foundation/errors.ts';
import { packageRoot, shippedFile } from '../server/foundation/package-root.ts';
import { throwIfStopped, unwatched, type JobControl } from '../server/foundation/progress.ts';
import { Random } from '../server/foundation/random.ts';

interface Case {
  readonly architecture: 'topk' | 'relu';
  readonly dIn: number;
  readonly dSae: number;
  /** 0 for ReLU, whose bias makes about 100 features fire. */
  readonly k: number;
  readonly batch: number;
}

const CASES: readonly Case[] = [
  { architecture: 'topk', dIn: 512, dSae: 8192, k: 32, batch: 2048 },
  { architecture: 'topk', dIn: 256, dSae: 4096, k: 32, batch: 2048 },
  { architecture: 'topk', dIn: 768, dSae: 24576, k: 32, batch: 2048 },
  { architecture: 'relu', dIn: 512, dSae: 8192, k: 0, batch: 2048 },
];
/** Steps of each side before anything is measured: memory is touched, threads and code are warm. */
const WARM_UP_STEPS = 2;
/** Between two sides, so that the threads of one have gone to sleep before the other starts. */
const PAUSE_MS = 150;

const SETTINGS: StepSettings = {
  ...{ learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradientNorm: null, auxiliary: null },
};

export interface SaeRow extends Case {
  readonly engine: EngineName;
  readonly objective: 'erm';
  readonly peer: 'PyTorch, dense' | null;
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
  readonly l0: number;
}

export interface SaeBenchmark {
  readonly machine: string;
  readonly rows: readonly SaeRow[];
}

interface Measured {
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
  readonly l0: number;
}

/** One side of the comparison: a step, measured. */
interface Side extends AsyncDisposable {
  step(): Promise<Measured>;
}

class OurSide implements Side {
  readonly #trainer: EngineTrainer;
  readonly #batch: Float32Array;
  readonly #weights: TokenWeights;
  readonly #dispose: () => Promise<void>;

  private constructor(trainer: EngineTrainer, batch: Float32Array, dispose: () => Promise<void>) {
    const even = new Float64Array(batch.length / trainer.shape.dIn).fill(trainer.shape.dIn / batch.length);
    this.#trainer = trainer;
    this.#batch = batch;
    this.#weights = { reconstruction: even, sparsity: even };
    this.#dispose = dispose;
  }

  static async open(name: EngineName, { architecture, dIn, dSae, k, batch }: Case, threads: number): Promise<OurSide> {
    const random = new Random(0);
    const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
    const topk = architecture === 'topk';
    const shape: EngineShape = {
      ...{ dIn, dSae, applyDecoderBiasToInput: true, unitNormDecoder: topk },
      architecture: topk ? { kind: 'topk', k } : { kind: 'relu', penalty: 'decoder_norm_weighted' },
    };
    const encoder = normals(dSae * dIn).map((value) => value * dIn ** -0.5);
    const engine = await openEngine(name, { threads });
    const trainer = await engine.trainer(shape, {
      ...{ encoder, decoder: encoder },
      encoderBias: new Float32Array(dSae).fill(topk ? 0 : -2.2),
      decoderBias: new Float32Array(dIn),
    });
    return new OurSide(trainer, normals(batch * dIn), async () => engine[Symbol.asyncDispose]());
  }

  async step(): Promise<Measured> {
    const processor = process.cpuUsage();
    const start = performance.now();
    const { active, reconstruction } = await this.#trainer.forward(this.#batch, 1e-3);
    await this.#trainer.backward(this.#weights, SETTINGS);
    const milliseconds = performance.now() - start;
    const { user, system } = process.cpuUsage(processor);
    return { milliseconds, cpuMilliseconds: (user + system) / 1000, l0: active / reconstruction.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose();
  }
}

function peersPython(): string | null {
  const places = [
    process.env['SSAE_PEERS_PYTHON'],
    join(packageRoot, '..', '.venv-peers', 'bin', 'python'),
    join(packageRoot, '..', '..', '.venv-peers', 'bin', 'python'),
  ];
  return places.find((path) => path !== undefined && existsSync(path)) ?? null;
}

class TorchSide implements Side {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string, undefined>;
  #complaint = '';

  constructor(python: string, { architecture, batch, dIn, dSae, k }: Case, threads: number) {
    const call = [
      shippedFile('bench', 'peers', 'torch_dense.py'),
      architecture,
      ...[batch, dIn, dSae, k, threads].map(String),
    ];
    this.#process = spawn(python, call);
    this.#process.stderr.on('data', (data: Buffer) => (this.#complaint = data.toString()));
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async step(): Promise<Measured> {
    this.#process.stdin.write('step\n');
    const answer = await this.#answers.next();
    if (answer.done === true) throw new WorkError(`the peer ended: ${this.#complaint.trim().split('\n').at(-1)}`);
    return JSON.parse(answer.value) as Measured;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    return Promise.resolve();
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function rowOf(
  engine: EngineName,
  each: Case,
  threads: number,
  ours: readonly Measured[],
  peer: readonly Measured[],
): SaeRow {
  const ourMilliseconds = median(ours.map(({ milliseconds }) => milliseconds));
  const figures = {
    engine,
    ...each,
    objective: 'erm',
    rounds: ours.length,
    threads,
    ourMilliseconds,
    l0: ours.at(-1)!.l0,
  } as const;
  if (peer.length === 0)
    return {
      ...figures,
      peer: null,
      peerMilliseconds: null,
      ratio: null,
      ratioLow: null,
      ratioHigh: null,
      cpuRatio: null,
    };
  const peerMilliseconds = median(peer.map(({ milliseconds }) => milliseconds));
  const ratios = peer.map(({ milliseconds }, round) => milliseconds / ours[round]!.milliseconds);
  const cpu = (side: readonly Measured[]): number => median(side.map(({ cpuMilliseconds }) => cpuMilliseconds));
  return {
    ...figures,
    peer: 'PyTorch, dense',
    peerMilliseconds,
    ratio: peerMilliseconds / ourMilliseconds,
    ratioLow: Math.min(...ratios),
    ratioHigh: Math.max(...ratios),
    cpuRatio: cpu(peer) / cpu(ours),
  };
}

/** Rounds of all sides; the order turns round each time. @returns measurements by side */
async function measure(sides: readonly Side[], rounds: number, control: JobControl): Promise<Measured[][]> {
  for (const side of sides) for (let step = 0; step < WARM_UP_STEPS; step++) await side.step();
  const measured = sides.map((): Measured[] => []);
  for (let round = 0; round < rounds; round++) {
    throwIfStopped(control);
    const order = [...sides.keys()];
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      await sleep(PAUSE_MS);
      measured[index]!.push(await sides[index]!.step());
    }
  }
  return measured;
}

/** @param rounds at least 7 for a figure that is published */
export async function benchSae(
  rounds: number,
  control: JobControl = unwatched,
  cases: readonly Case[] = CASES,
): Promise<SaeBenchmark> {
  const threads = availableParallelism();
  const engines = (await engineAvailability()).filter(({ available }) => available);
  const python = peersPython();
  const rows: SaeRow[] = [];
  for (const [index, each] of cases.entries()) {
    const { architecture, dIn, dSae } = each;
    control.report({ stage: `${architecture} ${dIn} × ${dSae}`, done: index, total: cases.length, unit: 'shapes' });
    const sides: Side[] = [];
    try {
      for (const { name } of engines) sides.push(await OurSide.open(name, each, threads));
      if (python !== null) sides.push(new TorchSide(python, each, threads));
      const measured = await measure(sides, rounds, control);
      const peer = python === null ? [] : measured.at(-1)!;
      for (const [side, { name }] of engines.entries()) rows.push(rowOf(name, each, threads, measured[side]!, peer));
    } finally {
      for (const side of sides) await side[Symbol.asyncDispose]();
    }
  }
  return { machine: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${threads} threads`, rows };
}
