import { UsageError } from '../foundation/errors.ts';
import type { HarvestRequest } from '../protocol/requests.ts';
import type { HarvestResult } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { detach, offerDetach, placeOf } from './detached.ts';
import { resolve } from 'node:path';
import { count, counted, duration } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record } from './table.ts';
import type { Terminal } from './terminal.ts';
import { MAX_SEED } from './training-options.ts';
import { parseRequest } from './usage.ts';
import { anyText, oneOf, shardOf, wholeNumber } from './values.ts';

interface HarvestOptions {
  readonly model: string;
  readonly hook: string;
  readonly corpus?: string;
  readonly selection?: string;
  readonly output: string;
  readonly shard?: HarvestRequest['shard'];
  readonly dtype: HarvestRequest['dtype'];
  readonly tokens?: number;
  readonly seed: number;
  readonly detach?: boolean;
}

function textOf({ corpus, selection, tokens }: HarvestOptions): HarvestRequest['text'] {
  if (corpus !== undefined && selection !== undefined)
    throw new UsageError('--corpus and --selection were given; expected one of the two');
  if (corpus !== undefined) return { kind: 'corpus', corpus };
  if (selection === undefined) throw new UsageError('there is nothing to harvest; expected --corpus or --selection');
  if (tokens !== undefined) throw new UsageError(`--tokens is ${tokens}, but a selection is harvested whole`);
  return { kind: 'selection', selection: placeOf(selection) };
}

function harvested(terminal: Terminal, { parts, shard, ...result }: HarvestResult): string {
  const written = parts.mine - parts.kept;
  const state =
    parts.missing === 0
      ? `the folder is complete: train on it with --activations ${result.folder}`
      : `${counted(parts.missing, 'part')} of ${count(parts.total)} not there yet: other shards write them`;
  return record(terminal, [
    ['folder', result.folder],
    ['activations', `${result.model}, ${result.hookPoint}, width ${count(result.dIn)}, ${result.dtype}`],
    ['shard', `${shard.index} of ${shard.count}: ${counted(parts.mine, 'part')} of ${count(parts.total)}`],
    ['rows', `${count(result.rows)} in this shard, ${duration(result.seconds)}`],
    ['written', parts.kept === 0 ? count(written) : `${count(written)}; ${count(parts.kept)} were there`],
    ['state', state],
  ]);
}

async function harvest(shell: Shell, options: HarvestOptions): Promise<Outcome> {
  const { HarvestRequest } = await import('../protocol/requests.ts');
  const { hook, dtype, shard, tokens = null, seed } = options;
  const fields = { model: placeOf(options.model), hookPoint: hook, text: textOf(options), tokens, dtype, shard, seed };
  const request = parseRequest(HarvestRequest, { ...fields, output: resolve(options.output) }, { hookPoint: '--hook' });
  if (options.detach === true) return detach(shell, { kind: 'harvest', request });
  const json = await shell.withServices((services) => services.harvest(request, shell.control));
  return { json, text: (terminal) => harvested(terminal, json) };
}

export function addHarvest(program: CliCommand, shell: Shell): void {
  const command = program
    .command('harvest')
    .description(
      'write the activations of a corpus or a selection into a folder of shards, to train on with --activations. Shards that are whole are kept, so the same command goes on where it stopped; several processes may fill one folder (docs/cluster.md)',
    )
    .takes('--model <model>', 'language model whose activations are taken', anyText, { required: true })
    .takes('--hook <hook-point>', 'where in the model, for example blocks.2.hook_resid_post', anyText, {
      required: true,
    })
    .takes('--corpus <corpus>', 'read the text of a corpus', anyText)
    .takes('--selection <selection>', 'read retrieved passages', anyText)
    .takes('-o, --output <folder>', 'folder to write shards into', anyText, { required: true })
    .takes('--shard <i/n>', 'write the i-th of n shares of the work, counted from 1 (default: all of it)', shardOf)
    .takes('--dtype <type>', 'type of the stored numbers; float16 halves the size', oneOf(['float32', 'float16']), {
      default: 'float32',
    })
    .takes('--tokens <n>', 'tokens of the corpus, drawn at random by passages (default: all)', wholeNumber(1))
    .takes('--seed <n>', 'seed of the draw and of the order', wholeNumber(0, MAX_SEED), { default: 0 })
    .example(
      'ssae harvest --model builtin --hook blocks.2.hook_resid_post --corpus glosses -o ./activations',
      'All of a corpus, by one process',
    )
    .example(
      'ssae harvest --model builtin --hook blocks.2.hook_resid_post --corpus glosses --dtype float16 --shard 3/16 -o ./activations',
      'One task of an array job',
    );
  offerDetach(command).action((options: HarvestOptions) => shell.finish(harvest(shell, options)));
}
