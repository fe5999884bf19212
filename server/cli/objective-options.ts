import { UsageError } from '../foundation/errors.ts';
import type { Objective, Tilt } from '../protocol/requests.ts';
import type { CliCommand } from './cli-command.ts';
import { oneOf, realNumber, wholeNumber } from './values.ts';

/** Options of the objective, as they were given. */
export interface ObjectiveOptions {
  readonly objective?: 'erm' | 'term';
  readonly tilt?: number;
  readonly tau?: number;
  readonly ess?: number;
  readonly tilts?: 'loss' | 'reconstruction';
  readonly tiltWarmup?: number;
  readonly passages?: boolean;
  readonly innerTilt?: number;
  readonly innerTau?: number;
}

export function takesObjective(command: CliCommand): CliCommand {
  return command
    .takes(
      '--objective <objective>',
      'erm: mean loss; term: large losses count more, which recovered no more rare features wherever we could count them (default: term with a tilt, else erm)',
      oneOf(['erm', 'term']),
    )
    .takes('--tilt <t>', 'raw tilt t of TERM', realNumber({ minimum: 0 }))
    .takes('--tau <tau>', "relative tilt of TERM: t = tau / the batch's mean loss", realNumber({ minimum: 0 }))
    .takes(
      '--ess <share>',
      'instead of a fixed tilt: hold the effective sample size 1 / Σ w² at this share of the batch',
      realNumber({ above: 0, maximum: 1 }),
    )
    .takes('--tilts <what>', 'what TERM tilts (default: loss)', oneOf(['loss', 'reconstruction']))
    .takes('--tilt-warmup <steps>', 'steps over which the tilt grows from 0 (default: 0)', wholeNumber(0))
    .option('--passages', 'tilt whole passages by their mean loss instead of tokens')
    .takes('--inner-tilt <t>', 'with --passages: raw tilt of the tokens within a passage', realNumber({ minimum: 0 }))
    .takes(
      '--inner-tau <tau>',
      "with --passages: the tokens' relative tilt within a passage",
      realNumber({ minimum: 0 }),
    );
}

type FixedTilt = Exclude<Tilt, { kind: 'sample_size' }>;

/** The one that was given of options that exclude each other. */
function onlyOne<T>(given: readonly (readonly [option: string, value: number | undefined, tilt: T])[]): T | null {
  const some = given.filter(([, value]) => value !== undefined);
  if (some.length > 1) {
    const all = some.map(([option, value]) => `${option} is ${value}`);
    throw new UsageError(`${all.join(' and ')}; expected one of the two`);
  }
  return some[0]?.[2] ?? null;
}

function tiltOf({ tilt, tau, ess }: ObjectiveOptions): Tilt | null {
  return onlyOne<Tilt>([
    ['--tilt', tilt, { kind: 'raw', t: tilt ?? 0 }],
    ['--tau', tau, { kind: 'relative', tau: tau ?? 0 }],
    ['--ess', ess, { kind: 'sample_size', share: ess ?? 1 }],
  ]);
}

function innerTiltOf({ passages, innerTilt, innerTau }: ObjectiveOptions): FixedTilt | null {
  const inner = onlyOne<FixedTilt>([
    ['--inner-tilt', innerTilt, { kind: 'raw', t: innerTilt ?? 0 }],
    ['--inner-tau', innerTau, { kind: 'relative', tau: innerTau ?? 0 }],
  ]);
  if (inner !== null && passages !== true)
    throw new UsageError('--inner-tilt and --inner-tau are of the tokens within a passage; expected --passages too');
  return passages === true ? (inner ?? { kind: 'raw', t: 0 }) : null;
}

/** What needs a tilt and was given without one. */
function withoutTilt({ tilts, tiltWarmup, passages }: ObjectiveOptions): string | null {
  if (tilts !== undefined) return `--tilts is "${tilts}"`;
  if (tiltWarmup !== undefined) return `--tilt-warmup is ${tiltWarmup}`;
  return passages === true ? '--passages was given' : null;
}

/** @throws UsageError when options contradict each other, naming both */
export function objectiveOf(options: ObjectiveOptions): Objective {
  const { objective, tilts, tiltWarmup } = options;
  const tilt = tiltOf(options);
  const inner = innerTiltOf(options);
  if (tilt !== null && objective === 'erm')
    throw new UsageError('a tilt was given with --objective erm, which has none; expected --objective term');
  if (tilt === null && objective === 'term')
    throw new UsageError(
      '--objective term needs a tilt; expected --ess SHARE (0.5 weighs half of the batch), --tau TAU (relative) or --tilt T',
    );
  const idle = withoutTilt(options);
  if (tilt === null && idle !== null)
    throw new UsageError(`${idle} without a tilt; expected --ess SHARE, --tau TAU or --tilt T`);
  if (tilt === null) return { kind: 'erm' };
  return {
    ...{ kind: 'term', tilt, tilts: tilts ?? 'loss' },
    ...(tiltWarmup === undefined ? {} : { warmupSteps: tiltWarmup }),
    ...(inner === null ? {} : { passages: { inner } }),
  };
}
