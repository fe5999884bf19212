import { resolve } from 'node:path';
import { UsageError } from '../foundation/errors.ts';
import type { FinetuneRequest, TrainingData } from '../protocol/requests.ts';
import { readLatents } from '../train/latents-file.ts';
import type { CliCommand } from './cli-command.ts';
import { anyText, oneOf, realNumber, wholeNumber } from './values.ts';

/** Options of `finetune` that say what becomes of the dictionary it starts from. */
export interface ModeOptions {
  readonly mode: FinetuneRequest['mode'];
  readonly residualFeatures?: number;
  readonly trainLatents?: string;
  readonly mix?: number;
  readonly mixCorpus?: string;
  readonly mixActivations?: string;
}

export function takesMode(command: CliCommand): CliCommand {
  return command
    .takes(
      '--mode <mode>',
      'go on from its weights; train the same shape anew; add features that reconstruct its error (residual); or train only some of its features (partial)',
      oneOf(['finetune', 'scratch', 'residual', 'partial']),
      { default: 'finetune' },
    )
    .takes('--residual-features <n>', 'with --mode residual: features that are added', wholeNumber(1, 1 << 24))
    .takes(
      '--train-latents <which>',
      'with --mode partial: "dead", or a file with the numbers of the features that train',
      anyText,
    )
    .takes('--mix <share>', 'share of every batch that is general text', realNumber({ above: 0, maximum: 0.95 }))
    .takes('--mix-corpus <corpus>', 'with --mix: corpus the general text is drawn from', anyText)
    .takes('--mix-activations <file>', 'with --mix: a safetensors file of general activations instead', anyText);
}

/** @param data the domain's: general text is read by the same model at the same place */
function mixOf({ mix, mixCorpus, mixActivations }: ModeOptions, data: TrainingData): FinetuneRequest['mix'] {
  const sources = [mixCorpus, mixActivations].filter((source) => source !== undefined);
  if (mix === undefined && sources.length === 0) return null;
  if (mix === undefined || sources.length !== 1)
    throw new UsageError(
      '--mix needs a share and one source; expected --mix SHARE with --mix-corpus or --mix-activations',
    );
  if (mixActivations !== undefined)
    return { share: mix, data: { ...data, kind: 'activations', file: resolve(mixActivations) } as TrainingData };
  if (data.kind === 'activations')
    throw new UsageError(
      '--mix-corpus needs the model that the activations are of, which --activations does not name; expected --mix-activations',
    );
  return { share: mix, data: { ...data, kind: 'corpus', corpus: mixCorpus! } };
}

/** What applies to another mode only. */
function refuseForeign({ mode, residualFeatures, trainLatents }: ModeOptions): void {
  const given = [
    ['residual', '--residual-features', residualFeatures],
    ['partial', '--train-latents', trainLatents],
  ] as const;
  for (const [wanted, option, value] of given) {
    if (value !== undefined && mode !== wanted)
      throw new UsageError(`${option} is ${value}, which does not apply to --mode ${mode}; expected --mode ${wanted}`);
    if (value === undefined && mode === wanted) throw new UsageError(`${option} is missing; --mode ${mode} needs it`);
  }
}

/** @throws UsageError when options contradict each other, naming both */
export async function modeFields(
  options: ModeOptions,
  data: TrainingData,
): Promise<Pick<FinetuneRequest, 'mode' | 'residualFeatures' | 'latents' | 'mix'>> {
  refuseForeign(options);
  return {
    mode: options.mode,
    residualFeatures: options.residualFeatures ?? null,
    latents: options.trainLatents === undefined ? null : await readLatents(options.trainLatents, '--train-latents'),
    mix: mixOf(options, data),
  };
}
