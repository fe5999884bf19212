import { UsageError } from '../foundation/errors.ts';
import type { ArchitectureInput, ArchitectureKind } from '../protocol/architectures.ts';
import type { CliCommand } from './cli-command.ts';
import { oneOf, realNumber, wholeNumber, wholeNumberList } from './values.ts';

export const ARCHITECTURES = [
  ...(['topk', 'batchtopk', 'matryoshka', 'relu', 'jumprelu', 'gated', 'transcoder'] as const),
] satisfies readonly ArchitectureKind[];

const FEATURES = ['relu', 'batchtopk', 'jumprelu'] as const;
const PENALTIES = ['decoder_norm_weighted', 'plain', 'step', 'tanh'] as const;

/** Options of single architectures, by the names that commander gives them. */
export interface ArchitectureOptions {
  readonly architecture: ArchitectureKind;
  readonly dSae: number;
  readonly k?: number;
  readonly rescale?: boolean;
  readonly widths?: readonly number[];
  readonly levels?: number;
  readonly samplePrefixes?: boolean;
  readonly l1?: number;
  readonly penalty?: (typeof PENALTIES)[number];
  readonly targetL0?: number;
  readonly tanhScale?: number;
  readonly bandwidth?: number;
  readonly threshold?: number;
  readonly inputGradient?: boolean;
  readonly variant?: 'paper' | 'saelens';
  readonly features?: (typeof FEATURES)[number];
  readonly skip?: boolean;
  readonly revival: boolean;
}

type OptionName = Exclude<keyof ArchitectureOptions, 'architecture' | 'dSae' | 'revival'>;

const FLAGS: Readonly<Record<OptionName, string>> = {
  ...{ k: '--k', rescale: '--rescale', widths: '--widths', levels: '--levels', samplePrefixes: '--sample-prefixes' },
  ...{ l1: '--l1', penalty: '--penalty', targetL0: '--target-l0', tanhScale: '--tanh-scale', bandwidth: '--bandwidth' },
  ...{ threshold: '--threshold', inputGradient: '--input-gradient', variant: '--variant' },
  ...{ features: '--features', skip: '--skip' },
};

const SELECTION: readonly OptionName[] = ['k', 'rescale'];
const APPLIES: Readonly<Record<Exclude<ArchitectureKind, 'transcoder'>, readonly OptionName[]>> = {
  topk: SELECTION,
  batchtopk: SELECTION,
  matryoshka: [...SELECTION, 'widths', 'levels', 'samplePrefixes'],
  relu: ['l1', 'penalty'],
  jumprelu: ['l1', 'penalty', 'targetL0', 'tanhScale', 'bandwidth', 'threshold', 'inputGradient'],
  gated: ['l1', 'variant'],
};

export function takesArchitecture(command: CliCommand): CliCommand {
  return command
    .takes('--architecture <kind>', 'kind of dictionary', oneOf(ARCHITECTURES), { default: 'topk' })
    .takes('--d-sae <features>', 'features of the dictionary', wholeNumber(1), { required: true })
    .takes('--k <features>', 'features that fire on a token (topk, batchtopk, matryoshka; default: 32)', wholeNumber(1))
    .option('--rescale', 'weigh activations by decoder norms instead of keeping those at 1 (as SAELens does)')
    .takes('--widths <list>', 'widths of the prefixes: 512,1024,4096 (matryoshka; default: halves)', wholeNumberList)
    .takes('--levels <n>', 'number of prefixes (matryoshka; default: 5)', wholeNumber(1, 64))
    .option('--sample-prefixes', 'draw the widths of the prefixes anew for every step (matryoshka)')
    .takes(
      '--l1 <weight>',
      'weight of the sparsity penalty (relu, gated; default: 5 √(d / 1024), d the width of what is reconstructed; jumprelu; default: 1)',
      realNumber({ minimum: 0 }),
    )
    .takes(
      '--penalty <kind>',
      'what the penalty sums (relu: decoder_norm_weighted or plain; jumprelu: step or tanh)',
      oneOf(PENALTIES),
    )
    .takes('--target-l0 <features>', 'hold L0 near a number instead of a penalty (jumprelu)', realNumber({ above: 0 }))
    .takes('--tanh-scale <c>', 'c of the tanh penalty (jumprelu; default: 4)', realNumber({ above: 0 }))
    .takes(
      '--bandwidth <e>',
      'width of the straight-through kernel (jumprelu; default: 0.05)',
      realNumber({ above: 0 }),
    )
    .takes(
      '--threshold <t>',
      'threshold at the start (jumprelu; default: 0.01, or where L0 is the target)',
      realNumber({ minimum: 0 }),
    )
    .option(
      '--input-gradient',
      'let the straight-through gradient reach the encoder (jumprelu; Anthropic; always with --target-l0)',
    )
    .takes('--variant <form>', 'whose form (gated; default: paper)', oneOf(['paper', 'saelens']))
    .takes('--features <kind>', 'architecture of the features (transcoder; default: relu)', oneOf(FEATURES))
    .option('--skip', 'add a linear map of the input to the reconstruction (transcoder)')
    .option(
      '--no-revival',
      'leave dead features dead: no auxiliary loss (topk and its kin), no resampling (relu, gated)',
    );
}

/** Names in `options` that neither the architecture nor a transcoder's features have. @throws UsageError */
function refuseForeign(options: ArchitectureOptions): void {
  const { architecture, features = 'relu' } = options;
  const kind = architecture === 'transcoder' ? features : architecture;
  const applying = [...APPLIES[kind], ...(architecture === 'transcoder' ? (['features', 'skip'] as const) : [])];
  for (const name of Object.keys(FLAGS) as OptionName[]) {
    const value = options[name];
    if (value === undefined || applying.includes(name)) continue;
    const of = architecture === 'transcoder' ? `transcoder with --features ${features}` : architecture;
    throw new UsageError(
      `${FLAGS[name]}${typeof value === 'boolean' ? '' : ` is ${String(value)}`}, which does not apply to --architecture ${of}`,
    );
  }
}

function selectionOf({ k, rescale, revival }: ArchitectureOptions) {
  return { k, rescaledByDecoderNorm: rescale, auxiliaryLoss: revival };
}

function prefixesOf({ widths, levels, samplePrefixes }: ArchitectureOptions) {
  if (widths !== undefined) {
    if (levels !== undefined || samplePrefixes !== undefined)
      throw new UsageError('--widths names the prefixes; expected no --levels and no --sample-prefixes with it');
    return { kind: 'widths' as const, widths: [...widths] };
  }
  return { kind: samplePrefixes === true ? ('sampled' as const) : ('halved' as const), levels };
}

function jumpReluPenaltyOf({ penalty, l1: coefficient, targetL0: target, tanhScale }: ArchitectureOptions) {
  if (penalty !== undefined && penalty !== 'step' && penalty !== 'tanh')
    throw new UsageError(`--penalty is "${penalty}" with jumprelu features; expected step or tanh`);
  if (tanhScale !== undefined && penalty !== 'tanh')
    throw new UsageError(`--tanh-scale is ${tanhScale}; expected --penalty tanh with it`);
  if (target === undefined)
    return penalty === 'tanh'
      ? { kind: penalty, coefficient, scale: tanhScale }
      : { kind: 'step' as const, coefficient };
  if (penalty !== undefined)
    throw new UsageError(`--penalty is ${penalty} and --target-l0 is ${target}; expected one of the two`);
  return { kind: 'target_l0' as const, target, coefficient };
}

/** The penalty, if it is one of an architecture's. @throws UsageError */
function reluPenaltyOf({ penalty }: ArchitectureOptions): 'decoder_norm_weighted' | 'plain' | undefined {
  if (penalty === 'step' || penalty === 'tanh')
    throw new UsageError(`--penalty is "${penalty}" with relu features; expected decoder_norm_weighted or plain`);
  return penalty;
}

/** What the options ask for, with gaps where the request has defaults. @throws UsageError when they exclude each other */
export function architectureOf(options: ArchitectureOptions): ArchitectureInput {
  refuseForeign(options);
  const { architecture: kind, features = 'relu', dSae, k } = options;
  if (k !== undefined && k > dSae)
    throw new UsageError(`--k is ${k}, above --d-sae, which is ${dSae}; expected at most ${dSae}`);
  switch (kind) {
    case 'topk':
      return { kind, ...selectionOf(options) };
    case 'matryoshka':
      return { kind, ...selectionOf(options), prefixes: prefixesOf(options) };
    case 'gated':
      return { kind, l1: options.l1, variant: options.variant, resampling: options.revival };
    case 'transcoder':
      return { kind, features: featuresOf(features, options), skip: options.skip };
    default:
      return featuresOf(kind, options);
  }
}

type FeatureKind = NonNullable<ArchitectureOptions['features']>;
type FeatureInput = Extract<ArchitectureInput, { kind: FeatureKind }>;

/** Of the architectures that a transcoder's features can have. */
function featuresOf(kind: FeatureKind, options: ArchitectureOptions): FeatureInput {
  const { l1, bandwidth, threshold, inputGradient, revival: resampling } = options;
  switch (kind) {
    case 'batchtopk':
      return { kind, ...selectionOf(options) };
    case 'relu':
      return { kind, l1, penalty: reluPenaltyOf(options), resampling };
    case 'jumprelu':
      return {
        ...{ kind, penalty: jumpReluPenaltyOf(options), bandwidth },
        ...{ initialThreshold: threshold, straightThroughToInput: inputGradient },
      };
  }
}
