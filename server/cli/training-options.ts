import { UsageError } from '../foundation/errors.ts';
import type { FinetuneRequest } from '../protocol/requests.ts';
import type { TrainResult } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { outputPlaceOf } from './detached.ts';
import { count, duration, figure } from './figures.ts';
import { record } from './table.ts';
import type { Terminal } from './terminal.ts';
import { anyText, oneOf, realNumber, wholeNumber } from './values.ts';

export const ENGINES = ['auto', 'cpu', 'wasm', 'webgpu'] as const satisfies readonly FinetuneRequest['engine'][];
export type EngineName = (typeof ENGINES)[number];
export const MAX_SEED = 0x7fffffff;

/** Options of every command that trains. */
export interface TrainingOptions {
  readonly output: string;
  readonly objective?: 'erm' | 'term';
  readonly tilt?: number;
  readonly tau?: number;
  readonly tilts?: 'loss' | 'reconstruction';
  readonly tokens?: number;
  readonly batch: number;
  readonly lr?: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly warmup?: number;
  readonly decay: number;
  readonly clip?: number;
  readonly engine: EngineName;
  readonly seed: number;
  readonly heldOut: number;
  readonly checkpoint: number;
  readonly resume?: boolean;
  readonly detach?: boolean;
}

export function takesTraining(command: CliCommand): CliCommand {
  const share = realNumber({ minimum: 0, maximum: 1 });
  return command
    .takes('-o, --output <dictionary>', 'dictionary to write: a name, or a path', anyText, { required: true })
    .takes(
      '--objective <objective>',
      'mean loss, or tilted towards rare tokens (default: term with --tilt or --tau, else erm)',
      oneOf(['erm', 'term']),
    )
    .takes('--tilt <t>', 'raw tilt t of TERM', realNumber({ minimum: 0 }))
    .takes('--tau <tau>', "relative tilt of TERM: t = tau / the batch's mean loss", realNumber({ minimum: 0 }))
    .takes('--tilts <what>', 'what TERM tilts (default: loss)', oneOf(['loss', 'reconstruction']))
    .takes(
      '--tokens <n>',
      'tokens to train on; rows are visited again where there are fewer (default: each once, or up to 20 times to make 1,000 steps)',
      wholeNumber(1),
    )
    .takes('--batch <tokens>', 'tokens of a step', wholeNumber(1, 1 << 20), { default: 2048 })
    .takes('--lr <rate>', 'learning rate of Adam (default: by the width of the dictionary)', realNumber({ above: 0 }))
    .takes('--beta1 <b>', 'first moment of Adam', realNumber({ minimum: 0, maximum: 1 }), { default: 0.9 })
    .takes('--beta2 <b>', 'second moment of Adam', realNumber({ minimum: 0, maximum: 1 }), { default: 0.999 })
    .takes('--epsilon <e>', "Adam's guard against division by zero", realNumber({ above: 0 }), { default: 1e-8 })
    .takes(
      '--warmup <steps>',
      'steps over which the learning rate rises (default: by the length of the run)',
      wholeNumber(0),
    )
    .takes('--decay <share>', 'share of the run at its end over which the learning rate falls to 0', share, {
      default: 0.2,
    })
    .takes('--clip <norm>', 'largest norm of the gradient (default: by the objective)', realNumber({ above: 0 }))
    .takes('--engine <engine>', 'what computes', oneOf(ENGINES), { default: 'auto' })
    .takes('--seed <n>', 'seed of everything random', wholeNumber(0, MAX_SEED), { default: 0 })
    .takes('--held-out <share>', 'share of the data that is only measured, never trained on', share, { default: 0.1 })
    .takes('--checkpoint <steps>', 'steps between two checkpoints', wholeNumber(1), { default: 200 })
    .option('--resume', "go on from the output's checkpoint");
}

function objectiveOf({ objective, tilt, tau, tilts }: TrainingOptions): FinetuneRequest['objective'] {
  const given = tilt !== undefined ? `--tilt ${tilt}` : tau !== undefined ? `--tau ${tau}` : null;
  if (tilt !== undefined && tau !== undefined)
    throw new UsageError(`--tilt is ${tilt} and --tau is ${tau}; expected one of the two`);
  if (objective === 'erm' && given !== null)
    throw new UsageError(`${given} was given with --objective erm, which has no tilt; expected --objective term`);
  if (objective !== 'term' && given === null) {
    if (tilts !== undefined)
      throw new UsageError(`--tilts is "${tilts}" without a tilt; expected --tilt T or --tau TAU`);
    return { kind: 'erm' };
  }
  if (tilt !== undefined) return { kind: 'term', tilt: { kind: 'raw', t: tilt }, tilts: tilts ?? 'loss' };
  if (tau !== undefined) return { kind: 'term', tilt: { kind: 'relative', tau }, tilts: tilts ?? 'loss' };
  throw new UsageError('--objective term needs a tilt; expected --tau TAU (relative; 1 is a good start) or --tilt T');
}

/** What people call the fields of a training request. */
export const TRAINING_NAMES = {
  learningRate: '--lr',
  warmupSteps: '--warmup',
  decayShare: '--decay',
  maxGradientNorm: '--clip',
  heldOutShare: '--held-out',
  checkpointEverySteps: '--checkpoint',
  hookPoint: '--hook',
  file: '--activations',
} as const;

/** Fields that `train` and `finetune` share. */
export function trainingFields(options: TrainingOptions, threads: number | null) {
  return {
    objective: objectiveOf(options),
    tokens: options.tokens ?? null,
    batch: options.batch,
    optimizer: {
      learningRate: options.lr ?? null,
      beta1: options.beta1,
      beta2: options.beta2,
      epsilon: options.epsilon,
      warmupSteps: options.warmup ?? null,
      decayShare: options.decay,
      maxGradientNorm: options.clip ?? null,
    },
    engine: options.engine,
    threads,
    seed: options.seed,
    heldOutShare: options.heldOut,
    checkpointEverySteps: options.checkpoint,
    resume: options.resume ?? false,
    output: options.detach === true ? outputPlaceOf(options.output) : options.output,
  };
}

/** Final figures of a run, with what they were measured on. */
export function trained(terminal: Terminal, result: TrainResult): string {
  const { final, heldOut, stepMilliseconds: step } = result;
  const tilt = result.tau === null ? `tilt ${figure(result.tilt)}` : `tau ${figure(result.tau)}`;
  return record(terminal, [
    ['dictionary', result.dictionary],
    ['folder', result.path],
    ['architecture', `${result.architecture}, ${count(result.dIn)} → ${count(result.dSae)}`],
    ...(result.hookPoint === null ? [] : [['hook point', result.hookPoint] as const]),
    ['objective', result.objective === 'erm' ? 'erm' : `term, ${tilt}`],
    ['trained', `${count(result.tokens)} tokens in ${count(result.steps)} steps, ${duration(result.seconds)}`],
    ['step', `${figure(step.median)} ms (p10 ${figure(step.p10)}, p90 ${figure(step.p90)}) on ${result.engine}`],
    ['explained variance', figure(final.explainedVariance)],
    ['mean squared error', figure(final.mse)],
    ['L0', figure(final.l0)],
    ['dead features', `${figure(100 * final.deadShare)} %`],
    ...(final.effectiveSampleSize === null
      ? []
      : [['effective sample size', figure(final.effectiveSampleSize)] as const]),
    ['held out', `n = ${count(heldOut.tokens)} tokens, split ${heldOut.splitHash}`],
    ['seed', String(result.seed)],
  ]);
}
