import { existsSync } from 'node:fs';
import { UsageError } from '../foundation/errors.ts';
import type { ModelResult } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { bytes, count } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseRequest } from './usage.ts';
import { anyText, pair, textAsGiven, wholeNumberList } from './values.ts';

interface AddOptions {
  readonly file?: string;
  readonly as?: string;
  readonly yes?: boolean;
}

interface RunOptions {
  readonly ids?: readonly number[];
  readonly text?: string;
  readonly hook: readonly string[];
  readonly patch: readonly (readonly [string, string])[];
  readonly output: string;
}

const HUB_ID = /^[\w.-]+\/[\w.-]+$/;

async function add(shell: Shell, source: string, options: AddOptions): Promise<Outcome> {
  const { AddModelRequest } = await import('../protocol/requests.ts');
  const isHubId = !existsSync(source) && HUB_ID.test(source);
  const download = isHubId && (options.yes === true || (await shell.confirm(`Download ${source}?`)));
  if (isHubId && !download)
    throw new UsageError(
      `"${source}" is not here and was not downloaded; expected an existing path, or --yes to download`,
    );
  const fields = { source, file: options.file ?? null, name: options.as ?? null, download };
  const request = parseRequest(AddModelRequest, fields, { name: '--as' });
  const json = await shell.withServices((services) => services.addModel(request, shell.control));
  return { json, text: () => `${json.name}: ${json.architecture}, ${bytes(json.bytes)}` };
}

async function list(shell: Shell): Promise<Outcome> {
  const json = await shell.withServices((services) => services.listModels());
  return {
    json,
    text: (terminal) =>
      table(
        terminal,
        [
          { title: 'model', kind: 'name' },
          { title: 'architecture', kind: 'name' },
          { title: 'size', kind: 'number' },
          { title: 'source', kind: 'snippet' },
        ],
        json.map(({ name, architecture, bytes: size, source }) => [name, architecture, bytes(size), source]),
      ),
  };
}

function shown(terminal: Terminal, model: ModelResult): string {
  const about = record(terminal, [
    ['model', model.model],
    ['architecture', model.architecture],
    ['layers', count(model.layers)],
    ['d_model', count(model.dModel)],
    ['vocabulary', count(model.vocabulary)],
    ['context length', `${count(model.contextLength)} tokens`],
    ['licence', model.licence ?? 'not stated'],
    ['source', model.source],
  ]);
  const hookPoints = table(
    terminal,
    [
      { title: 'hook point', kind: 'name' },
      { title: 'shape', kind: 'name' },
      { title: 'tensor', kind: 'snippet' },
    ],
    model.hookPoints.map(({ name, shape, tensor }) => [name, `[${shape.join(', ')}]`, tensor]),
  );
  const files = table(
    terminal,
    [
      { title: 'file', kind: 'text' },
      { title: 'size', kind: 'number' },
    ],
    model.files.map(({ path, bytes: size }) => [path, bytes(size)]),
  );
  return [about, hookPoints, files].join('\n\n');
}

async function show(shell: Shell, name: string): Promise<Outcome> {
  const json = await shell.withServices((services) => services.showModel(name));
  return { json, text: (terminal) => shown(terminal, json) };
}

async function remove(shell: Shell, name: string): Promise<Outcome> {
  await shell.withServices((services) => services.removeModel(name));
  return { json: { removed: name }, text: () => `removed model ${name}` };
}

async function run(shell: Shell, model: string, options: RunOptions): Promise<Outcome> {
  const { ids, text } = options;
  if ((ids === undefined) === (text === undefined))
    throw new UsageError(
      ids === undefined
        ? 'there is no input; expected --text TEXT or --ids 1,2,3'
        : `--ids is "${ids.join(',')}" and --text is "${text!}"; expected one of the two`,
    );
  const { RunModelRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(RunModelRequest, {
    model,
    input: ids === undefined ? { kind: 'text', text: text! } : { kind: 'ids', ids: [...ids] },
    hookPoints: [...options.hook],
    patches: options.patch.map(([hookPoint, file]) => ({ hookPoint, file })),
    output: options.output,
  });
  const json = await shell.withServices((services) => services.runModel(request, shell.control));
  return {
    json,
    text: (terminal) =>
      table(
        terminal,
        [
          { title: 'tensor', kind: 'name' },
          { title: 'shape', kind: 'name' },
        ],
        Object.entries(json.tensors).map(([name, shape]) => [name, `[${shape.join(', ')}]`]),
      ) + `\n\nwritten to ${json.output}`,
  };
}

function addRun(model: CliCommand, shell: Shell): void {
  model
    .command('run <model>')
    .description(
      'activations at hook points and logits of one text, as a safetensors file: for checking this program against any other',
    )
    .takes('--text <text>', 'text to run on', textAsGiven)
    .takes('--ids <ids>', 'ids of tokens to run on, with commas between', wholeNumberList)
    .takesMany('--hook <hook-point>', 'hook point to write, [tokens, d_model]', anyText)
    .takesMany(
      '--patch <hook-point=file>',
      'replace a hook point\'s activation by the file\'s tensor "activations"',
      pair('HOOK=FILE.safetensors'),
    )
    .takes('-o, --output <file>', 'safetensors file to write', anyText, { required: true })
    .example(
      'ssae model run builtin --text "Heat flows" --hook blocks.2.hook_resid_post -o out.safetensors',
      'Activations and logits',
    )
    .example(
      'ssae model run builtin --ids 1,5,9 --patch blocks.2.hook_resid_post=patch.safetensors -o out.safetensors',
      'With an activation replaced on the way',
    )
    .action((name: string, options: RunOptions) => shell.finish(run(shell, name, options)));
}

export function addModel(program: CliCommand, shell: Shell): void {
  const model = program.command('model').description('language models, as ONNX graphs that are cut at a hook point');
  model
    .command('add <source>')
    .description('add a model: a folder, an ONNX file, or a hub id owner/name')
    .takes('--file <file>', 'which ONNX file of the source, for example onnx/model_q4.onnx', anyText)
    .takes('--as <name>', "name to store it by (default: the source's)", anyText)
    .option('--yes', 'download without asking')
    .example('ssae model add ~/models/gpt2 --as gpt2', 'From a folder')
    .example('ssae model add onnx-community/gpt2-ONNX --file onnx/model_q4.onnx --yes', 'From the hub')
    .action((source: string, options: AddOptions) => shell.finish(add(shell, source, options)));
  model
    .command('list')
    .description('all models')
    .example('ssae model list', 'A table of all models')
    .action(() => shell.finish(list(shell)));
  model
    .command('show <model>')
    .description('hook points with shapes, layers, width, tokenizer, licence, where it is from')
    .example('ssae model show builtin', 'The built-in model')
    .action((name: string) => shell.finish(show(shell, name)));
  model
    .command('remove <model>')
    .description('forget a model that was added')
    .example('ssae model remove gpt2', 'Forget the model "gpt2"')
    .action((name: string) => shell.finish(remove(shell, name)));
  addRun(model, shell);
  model
    .example('ssae model show builtin', 'Hook points of the built-in model')
    .example('ssae model add ~/models/gpt2', 'Add another');
}
