import { resolve } from 'node:path';
import { UsageError } from '../foundation/errors.ts';
import type { FinetuneRequest, TrainingData } from '../protocol/requests.ts';
import { architectureOf, takesArchitecture, type ArchitectureOptions } from './architecture-options.ts';
import type { CliCommand } from './cli-command.ts';
import { detach, offerDetach, placeOf } from './detached.ts';
import type { Outcome, Shell } from './shell.ts';
import { parseRequest } from './usage.ts';
import { modeFields, takesMode, type ModeOptions } from './mode-options.ts';
import { TRAINING_NAMES, takesTraining, trained, trainingFields, type TrainingOptions } from './training-options.ts';
import { anyText, oneOf, realNumber } from './values.ts';

interface DataOptions {
  readonly model?: string;
  readonly hook?: string;
  readonly corpus?: string;
  readonly selection?: string;
  readonly activations?: string;
  readonly hookOut?: string;
  readonly targets?: string;
}

interface TrainOptions extends TrainingOptions, DataOptions, ArchitectureOptions {
  readonly storage: 'float32' | 'float16';
}

interface FinetuneOptions extends TrainingOptions, DataOptions, ModeOptions {
  readonly from: string;
  readonly l1?: number;
}

type Source = 'corpus' | 'selection' | 'activations';

function onlySource(options: DataOptions): Source {
  const given = (['corpus', 'selection', 'activations'] as const).filter((source) => options[source] !== undefined);
  if (given.length === 1) return given[0]!;
  const all = '--corpus, --selection, --activations';
  if (given.length === 0) throw new UsageError(`there is nothing to train on; expected one of: ${all}`);
  throw new UsageError(`${given.map((source) => `--${source}`).join(' and ')} were given; expected one of: ${all}`);
}

function needed(value: string | undefined, option: string, source: Source): string {
  if (value === undefined) throw new UsageError(`${option} is missing; it is required with --${source}`);
  return value;
}

function dataOf(options: DataOptions): TrainingData {
  const source = onlySource(options);
  const targetHookPoint = options.hookOut ?? null;
  if (source === 'activations') {
    if (options.model !== undefined)
      throw new UsageError(`--model is "${options.model}", but --activations needs no model; expected one of the two`);
    const targets = options.targets === undefined ? null : resolve(options.targets);
    const hookPoint = options.hook ?? null;
    return { kind: 'activations', file: resolve(options.activations!), targets, hookPoint, targetHookPoint };
  }
  if (options.targets !== undefined)
    throw new UsageError(`--targets is "${options.targets}" with --${source}; expected --hook-out, or --activations`);
  const model = placeOf(needed(options.model, '--model', source));
  const hookPoint = needed(options.hook, '--hook', source);
  return source === 'corpus'
    ? { kind: 'corpus', model, hookPoint, targetHookPoint, corpus: options.corpus! }
    : { kind: 'selection', model, hookPoint, targetHookPoint, selection: placeOf(options.selection!) };
}

async function train(shell: Shell, options: TrainOptions): Promise<Outcome> {
  const { TrainRequest } = await import('../protocol/requests.ts');
  const fields = {
    ...trainingFields(options, shell.threads),
    data: dataOf(options),
    architecture: architectureOf(options),
    dSae: options.dSae,
    storage: options.storage,
  };
  const request = parseRequest(TrainRequest, fields, TRAINING_NAMES);
  if (options.detach === true) return detach(shell, { kind: 'train', request });
  const json = await shell.withServices((services) => services.train(request, shell.control));
  return { json, text: (terminal) => trained(terminal, json) };
}

/** Where they are not given, model and hook point are those of the dictionary. */
async function finetuneData(shell: Shell, options: FinetuneOptions): Promise<TrainingData> {
  if (onlySource(options) === 'activations') return dataOf(options);
  if (options.model !== undefined && options.hook !== undefined) return dataOf(options);
  const { model, hookPoint } = await shell.withServices((services) => services.showDictionary(options.from));
  const hook = options.hook ?? hookPoint ?? undefined;
  return dataOf({ ...options, model: options.model ?? model ?? undefined, hook } as DataOptions);
}

async function finetune(shell: Shell, options: FinetuneOptions): Promise<Outcome> {
  const { FinetuneRequest } = await import('../protocol/requests.ts');
  const data = await finetuneData(shell, options);
  const fields = {
    ...trainingFields(options, shell.threads),
    data,
    from: placeOf(options.from),
    ...(await modeFields(options, data)),
    l1: options.l1 ?? null,
  };
  const request: FinetuneRequest = parseRequest(FinetuneRequest, fields, TRAINING_NAMES);
  if (options.detach === true) return detach(shell, { kind: 'finetune', request });
  const json = await shell.withServices((services) => services.finetune(request, shell.control));
  return { json, text: (terminal) => trained(terminal, json) };
}

function takesData(command: CliCommand): CliCommand {
  return command
    .takes('--corpus <corpus>', 'train on the text of a corpus', anyText)
    .takes('--selection <selection>', 'train on retrieved passages', anyText)
    .takes(
      '--activations <file-or-folder>',
      'train on a safetensors file with "activations" [n, d_in] float32, or on a folder of harvested shards',
      anyText,
    )
    .takes('--model <model>', 'language model whose activations are taken', anyText)
    .takes('--hook <hook-point>', 'where in the model, for example blocks.2.hook_resid_post', anyText)
    .takes('--hook-out <hook-point>', 'where what a transcoder reconstructs is read', anyText)
    .takes(
      '--targets <file>',
      'file of what a transcoder reconstructs (default: tensor "targets" of --activations)',
      anyText,
    );
}

export function addTrain(program: CliCommand, shell: Shell): void {
  const command = program
    .command('train')
    .description('train a dictionary on a corpus, a selection or given activations');
  takesArchitecture(takesData(command)).takes(
    '--storage <type>',
    'type of the stored weights; float16 halves the size',
    oneOf(['float32', 'float16']),
    {
      default: 'float32',
    },
  );
  takesTraining(command, false)
    .example(
      'ssae train --model builtin --hook blocks.2.hook_resid_post --corpus glosses --d-sae 4096 -o general',
      'A general dictionary',
    )
    .example(
      'ssae train --activations acts.safetensors --architecture topk --d-sae 4096 --k 32 --json -o ./OUT',
      'On given activations',
    )
    .example(
      'ssae train --activations acts.safetensors --architecture matryoshka --d-sae 4096 --widths 512,1024,4096 -o ./OUT',
      'Prefixes that reconstruct on their own',
    )
    .example(
      'ssae train --activations acts.safetensors --architecture jumprelu --target-l0 32 --d-sae 4096 -o ./OUT',
      'JumpReLU, held at 32 active features',
    )
    .example(
      'ssae train --model builtin --hook blocks.2.hook_resid_post --corpus glosses --d-sae 4096 --kl 1 -o kept',
      'With the predictions of the model kept in the last tenth of the steps',
    )
    .example(
      'ssae train --model builtin --hook blocks.2.hook_resid_pre --hook-out blocks.2.hook_resid_post --corpus glosses --architecture transcoder --skip --d-sae 4096 -o block2',
      'A skip transcoder',
    )
    .example(
      'ssae train --activations acts.safetensors --d-sae 4096 -o ./OUT --resume',
      'Go on after Ctrl-C or a crash',
    );
  offerDetach(command).action((options: TrainOptions) => shell.finish(train(shell, options)));
}

export function addFinetune(program: CliCommand, shell: Shell): void {
  const command = program
    .command('finetune')
    .description('specialise a dictionary to retrieved passages or given activations');
  takesData(command).takes(
    '--from <dictionary>',
    'dictionary to start from; its model and hook point are used',
    anyText,
    {
      required: true,
    },
  );
  takesMode(command).takes(
    '--l1 <weight>',
    'weight of the sparsity penalty (default: the one it was trained with)',
    realNumber({ minimum: 0 }),
  );
  takesTraining(command, true)
    .example(
      'ssae finetune --from builtin-gsae --selection entropy --tau 1 -o entropy-term',
      'TERM with a relative tilt',
    )
    .example(
      'ssae finetune --from builtin-gsae --selection entropy --objective erm -o entropy-erm',
      'Mean loss, to compare with',
    )
    .example('ssae finetune --from ./OUT --activations rare.safetensors --tilt 2 -o ./OUT-rare', 'On given activations')
    .example(
      'ssae finetune --from general --selection entropy --mode residual --residual-features 512 -o entropy-added',
      'New features beside those of the general dictionary, which stay as they are',
    )
    .example(
      'ssae finetune --from builtin-gsae --selection entropy --mix 0.5 --mix-corpus glosses -o entropy-mixed',
      'With half of every batch from general text, to forget less',
    );
  offerDetach(command).action((options: FinetuneOptions) => shell.finish(finetune(shell, options)));
}
