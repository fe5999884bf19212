import { UsageError } from '../foundation/errors.ts';
import type { FinetuneRequest } from '../protocol/requests.ts';
import type { TrainResult } from '../protocol/results.ts';
import { MAX_BATCH, MIN_BATCH, MIN_STEPS } from '../protocol/training-amount.ts';
import type { CliCommand } from './cli-command.ts';
import { outputPlaceOf } from './detached.ts';
import { count, duration, figure } from './figures.ts';
import { objectiveOf, takesObjective, type ObjectiveOptions } from './objective-options.ts';
import { record } from './table.ts';
import type { Terminal } from './terminal.ts';
import { anyText, oneOf, realNumber, wholeNumber } from './values.ts';

export const ENGINES = [
  'auto',
  'cpu',
  'wasm',
  'webgpu',
  'tensorflow',
] as const satisfies readonly FinetuneRequest['engine'][];
const MOMENTS = ['float32', 'bfloat16'] as const satisfies readonly FinetuneRequest['moments'][];
export type EngineName = (typeof ENGINES)[number];
export const MAX_SEED = 0x7fffffff;

/** Options of every command that trains. */
export interface TrainingOptions extends ObjectiveOptions {
  readonly output: string;
  readonly tokens?: number;
  readonly batch?: number;
  readonly microBatch?: number;
  readonly moments: (typeof MOMENTS)[number];
  readonly kl?: number;
  readonly klShare?: number;
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
  /** GiB */
  readonly memory?: number;
  readonly resume?: boolean;
  readonly detach?: boolean;
}

/** @param chooses whether the trainer takes a batch by the rows where none is given, instead of MAX_BATCH */
export function takesTraining(command: CliCommand, chooses: boolean): CliCommand {
  const share = realNumber({ minimum: 0, maximum: 1 });
  command.takes('-o, --output <dictionary>', 'dictionary to write: a name, or a path', anyText, { required: true });
  return takesObjective(command)
    .takes(
      '--tokens <n>',
      'tokens to train on; rows are visited again where there are fewer (default: each once, or up to 20 times to make 1,000 steps)',
      wholeNumber(1),
    )
    .takes(
      '--batch <tokens>',
      chooses
        ? `tokens of a step (default: ${MAX_BATCH}, halved down to ${MIN_BATCH} until there are ${MIN_STEPS} steps)`
        : 'tokens of a step',
      wholeNumber(1, 1 << 20),
      chooses ? {} : { default: MAX_BATCH },
    )
    .takes(
      '--micro-batch <tokens>',
      'tokens of a step that are held at once: less memory, the same step; the last piece may be shorter (default: all)',
      wholeNumber(1, 1 << 20),
    )
    .takes(
      '--kl <c>',
      "in the last steps also keep the model's predictions: KL(model ‖ model with the reconstruction), weighing c times as much as the reconstruction, over whole passages",
      realNumber({ above: 0 }),
    )
    .takes(
      '--kl-share <share>',
      'with --kl: share of the steps, at the end (default: 0.1)',
      realNumber({ above: 0, maximum: 1 }),
    )
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
    .takes(
      '--moments <type>',
      'how the moments of matrices are stored while training: bfloat16 takes half the memory, and rounds so that the mean stays right (cpu and wasm)',
      oneOf(MOMENTS),
      { default: 'float32' },
    )
    .takes('--engine <engine>', 'what computes', oneOf(ENGINES), { default: 'auto' })
    .takes('--seed <n>', 'seed of everything random', wholeNumber(0, MAX_SEED), { default: 0 })
    .takes('--held-out <share>', 'share of the data that is only measured, never trained on', share, { default: 0.1 })
    .takes('--checkpoint <steps>', 'steps between two checkpoints', wholeNumber(1), { default: 200 })
    .takes(
      '--memory <gib>',
      'memory the run may take, in GiB: one that is predicted to need more is refused (default: what is free, or the control group allows)',
      realNumber({ above: 0, maximum: 1 << 20 }),
    )
    .option('--resume', "go on from the output's checkpoint");
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
  microBatch: '--micro-batch',
  targetHookPoint: '--hook-out',
  widths: '--widths',
  coefficient: '--l1',
  file: '--activations',
} as const;

/** @throws UsageError when a share is given of nothing */
function divergenceOf({ kl, klShare }: TrainingOptions) {
  if (kl === undefined && klShare !== undefined)
    throw new UsageError(`--kl-share is ${klShare}, of the steps with --kl; expected --kl too`);
  if (kl === undefined) return {};
  return { divergence: { coefficient: kl, ...(klShare === undefined ? {} : { share: klShare }) } };
}

/** Fields that `train` and `finetune` share. */
export function trainingFields(options: TrainingOptions, threads: number | null) {
  return {
    objective: objectiveOf(options),
    tokens: options.tokens ?? null,
    ...(options.batch === undefined ? {} : { batch: options.batch }),
    ...(options.microBatch === undefined ? {} : { microBatch: options.microBatch }),
    ...(options.moments === 'float32' ? {} : { moments: options.moments }),
    ...divergenceOf(options),
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
    memory: options.memory === undefined ? null : Math.max(1, Math.floor(options.memory * 2 ** 30)),
    resume: options.resume ?? false,
    output: options.detach === true ? outputPlaceOf(options.output) : options.output,
  };
}

function objectiveWords({ objective, tilt, tau, sampleSizeShare }: TrainResult): string {
  if (objective === 'erm') return 'erm';
  if (sampleSizeShare !== null) return `term, effective sample size held at ${figure(sampleSizeShare)} of the batch`;
  return tau === null ? `term, tilt ${figure(tilt)}` : `term, tau ${figure(tau)}`;
}

/** Final figures of a run, with what they were measured on. */
export function trained(terminal: Terminal, result: TrainResult): string {
  const { divergence, final, heldOut, stepMilliseconds: step } = result;
  return record(terminal, [
    ['dictionary', result.dictionary],
    ['folder', result.path],
    ['architecture', `${result.architecture}, ${count(result.dIn)} → ${count(result.dSae)}`],
    ...(result.hookPoint === null ? [] : [['hook point', result.hookPoint] as const]),
    ['objective', objectiveWords(result)],
    [
      'trained',
      `${count(result.tokens)} tokens in ${count(result.steps)} steps of ${count(result.tokens / result.steps)}, ${duration(result.seconds)}`,
    ],
    ...(divergence === null
      ? []
      : [
          [
            'predictions kept',
            `KL ${figure(divergence.value)} nats in the last of ${count(divergence.steps)} steps with --kl ${divergence.coefficient}`,
          ] as const,
        ]),
    ['step', `${figure(step.median)} ms (p10 ${figure(step.p10)}, p90 ${figure(step.p90)}) on ${result.engine}`],
    ['engine', result.engineReason],
    ...result.engineChanges.map(({ from, to, step: at }) => {
      return ['engine changed', `from ${from} to ${to} at step ${count(at)}`] as const;
    }),
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
