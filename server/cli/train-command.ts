import { resolve } from 'node:path';
import { UsageError } from '../foundation/errors.ts';
import type { FinetuneRequest, TrainingData, TrainRequest } from '../protocol/requests.ts';
import type { CliCommand } from './cli-command.ts';
import { detach, offerDetach, placeOf } from './detached.ts';
import type { Outcome, Shell } from './shell.ts';
import { parseRequest } from './usage.ts';
import { TRAINING_NAMES, takesTraining, trained, trainingFields, type TrainingOptions } from './training-options.ts';
import { anyText, oneOf, realNumber, wholeNumber } from './values.ts';

interface DataOptions {
  readonly model?: string;
  readonly hook?: string;
  readonly corpus?: string;
  readonly selection?: string;
  readonly activations?: string;
}

interface TrainOptions extends TrainingOptions, DataOptions {
  readonly architecture: 'topk' | 'relu';
  readonly dSae: number;
  readonly k?: number;
  readonly l1?: number;
  readonly penalty?: 'decoder_norm_weighted' | 'plain';
  readonly revival: boolean;
  readonly storage: 'float32' | 'float16';
}

interface FinetuneOptions extends TrainingOptions, DataOptions {
  readonly from: string;
  readonly mode: 'finetune' | 'scratch';
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
  if (source === 'activations') {
    if (options.model !== undefined)
      throw new UsageError(`--model is "${options.model}", but --activations needs no model; expected one of the two`);
    return { kind: 'activations', file: resolve(options.activations!), hookPoint: options.hook ?? null };
  }
  const model = placeOf(needed(options.model, '--model', source));
  const hookPoint = needed(options.hook, '--hook', source);
  return source === 'corpus'
    ? { kind: 'corpus', model, hookPoint, corpus: options.corpus! }
    : { kind: 'selection', model, hookPoint, selection: placeOf(options.selection!) };
}

const DEFAULT_K = 32;
const DEFAULT_L1 = 5;

function architectureOf(options: TrainOptions): TrainRequest['architecture'] {
  const { architecture, dSae, k = DEFAULT_K, l1 = DEFAULT_L1, penalty = 'decoder_norm_weighted', revival } = options;
  const foreign = architecture === 'topk' ? (['l1', 'penalty'] as const) : (['k'] as const);
  for (const name of foreign)
    if (options[name] !== undefined)
      throw new UsageError(`--${name} is ${options[name]}, which does not apply to --architecture ${architecture}`);
  if (architecture === 'relu') return { kind: 'relu', l1, penalty, resampling: revival };
  if (k > dSae) throw new UsageError(`--k is ${k}, above --d-sae, which is ${dSae}; expected at most ${dSae}`);
  return { kind: 'topk', k, auxiliaryLoss: revival };
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
  const fields = {
    ...trainingFields(options, shell.threads),
    data: await finetuneData(shell, options),
    from: placeOf(options.from),
    mode: options.mode,
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
    .takes('--hook <hook-point>', 'where in the model, for example blocks.2.hook_resid_post', anyText);
}

export function addTrain(program: CliCommand, shell: Shell): void {
  const command = program
    .command('train')
    .description('train a dictionary on a corpus, a selection or given activations');
  takesData(command)
    .takes('--architecture <kind>', 'kind of dictionary', oneOf(['topk', 'relu']), { default: 'topk' })
    .takes('--d-sae <features>', 'features of the dictionary', wholeNumber(1), { required: true })
    .takes('--k <features>', `features that fire on a token (topk; default: ${DEFAULT_K})`, wholeNumber(1))
    .takes('--l1 <weight>', `weight of the sparsity penalty (relu; default: ${DEFAULT_L1})`, realNumber({ minimum: 0 }))
    .takes(
      '--penalty <kind>',
      'what the penalty sums (relu; default: decoder_norm_weighted)',
      oneOf(['decoder_norm_weighted', 'plain']),
    )
    .option('--no-revival', 'leave dead features dead: no auxiliary loss (topk), no resampling (relu)')
    .takes('--storage <type>', 'type of the stored weights; float16 halves the size', oneOf(['float32', 'float16']), {
      default: 'float32',
    });
  takesTraining(command)
    .example(
      'ssae train --model builtin --hook blocks.2.hook_resid_post --corpus glosses --d-sae 4096 -o general',
      'A general dictionary',
    )
    .example(
      'ssae train --activations acts.safetensors --architecture topk --d-sae 4096 --k 32 --json -o ./OUT',
      'On given activations',
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
  takesData(command)
    .takes('--from <dictionary>', 'dictionary to start from; its model and hook point are used', anyText, {
      required: true,
    })
    .takes('--mode <mode>', 'go on from its weights, or train the same shape anew', oneOf(['finetune', 'scratch']), {
      default: 'finetune',
    });
  takesTraining(command)
    .example(
      'ssae finetune --from builtin-gsae --selection entropy --tau 1 -o entropy-term',
      'TERM with a relative tilt',
    )
    .example(
      'ssae finetune --from builtin-gsae --selection entropy --objective erm -o entropy-erm',
      'Mean loss, to compare with',
    )
    .example(
      'ssae finetune --from ./OUT --activations rare.safetensors --tilt 2 -o ./OUT-rare',
      'On given activations',
    );
  offerDetach(command).action((options: FinetuneOptions) => shell.finish(finetune(shell, options)));
}
