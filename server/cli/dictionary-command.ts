import { basename, resolve } from 'node:path';
import type { DictionarySummary } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { bytes, count, counted, figure } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { ENGINES, type EngineName } from './training-options.ts';
import { parseRequest } from './usage.ts';
import { anyText, oneOf, wholeNumber } from './values.ts';

interface EncodeOptions {
  readonly activations: string;
  readonly sparse?: boolean;
  readonly engine: EngineName;
  readonly output: string;
}

async function encode(shell: Shell, dictionary: string, options: EncodeOptions): Promise<Outcome> {
  const { EncodeRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(EncodeRequest, { dictionary, ...options });
  const json = await shell.withServices((services) => services.encodeDictionary(request, shell.control));
  return {
    json,
    text: () =>
      `${counted(json.tokens, 'token')}: L0 ${figure(json.l0)}, explained variance ${figure(json.explainedVariance)}\nwritten to ${json.output}`,
  };
}

async function list(shell: Shell): Promise<Outcome> {
  const json = await shell.withServices((services) => services.listDictionaries());
  return {
    json,
    text: (terminal) =>
      table(
        terminal,
        [
          { title: 'dictionary', kind: 'name' },
          { title: 'architecture', kind: 'name' },
          { title: 'd_in', kind: 'number' },
          { title: 'd_sae', kind: 'number' },
          { title: 'k', kind: 'number' },
          { title: 'model', kind: 'snippet' },
          { title: 'hook point', kind: 'snippet' },
        ],
        json.map(({ name, architecture, dIn, dSae, k, model, hookPoint }) => [
          name,
          architecture,
          count(dIn),
          count(dSae),
          k === null ? '–' : count(k),
          model ?? '–',
          hookPoint ?? '–',
        ]),
      ),
  };
}

function densitiesOf({ densityTokens, name }: DictionarySummary): string {
  if (densityTokens === null) return `not counted; ssae dictionary count ${name} --corpus CORPUS`;
  return densityTokens === 0
    ? 'counted, over a number of tokens not noted'
    : `counted over ${count(densityTokens)} tokens`;
}

function shown(terminal: Terminal, dictionary: DictionarySummary): string {
  const { architecture, k } = dictionary;
  return record(terminal, [
    ['dictionary', dictionary.name],
    ['architecture', k === null ? architecture : `${architecture}, k = ${count(k)}`],
    ['d_in', count(dictionary.dIn)],
    ['d_sae', count(dictionary.dSae)],
    ['model', dictionary.model ?? 'not stated'],
    ['hook point', dictionary.hookPoint ?? 'not stated'],
    ['densities', densitiesOf(dictionary)],
    ['size', bytes(dictionary.bytes)],
    ['folder', dictionary.path],
    ['content hash', dictionary.contentHash],
  ]);
}

async function show(shell: Shell, name: string): Promise<Outcome> {
  const json = await shell.withServices((services) => services.showDictionary(name));
  return { json, text: (terminal) => shown(terminal, json) };
}

async function remove(shell: Shell, name: string): Promise<Outcome> {
  await shell.withServices((services) => services.removeDictionary(name));
  return { json: { removed: name }, text: () => `removed dictionary ${name}` };
}

async function importFrom(shell: Shell, source: string, as: string | undefined): Promise<Outcome> {
  const { ImportDictionaryRequest } = await import('../protocol/requests.ts');
  const fields = { source: resolve(source), name: as ?? basename(resolve(source)) };
  const request = parseRequest(ImportDictionaryRequest, fields, { name: '--as' });
  const json = await shell.withServices((services) => services.importDictionary(request));
  return { json, text: (terminal) => shown(terminal, json) };
}

interface CountOptions {
  readonly corpus: string;
  readonly tokens: number;
}

async function countDensities(shell: Shell, dictionary: string, options: CountOptions): Promise<Outcome> {
  const { CountDensitiesRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(CountDensitiesRequest, { dictionary, ...options });
  const json = await shell.withServices((services) => services.countDensities(request, shell.control));
  const { tokens, silent, median } = json;
  return {
    json,
    text: () =>
      `${counted(tokens, 'token')} of ${json.corpus}: the median feature fires on ${figure(100 * median)} % of them, ${count(silent)} on none`,
  };
}

interface ExportOptions {
  readonly format: 'sae_lens';
  readonly output: string;
}

async function exportTo(shell: Shell, dictionary: string, options: ExportOptions): Promise<Outcome> {
  const { ExportDictionaryRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(ExportDictionaryRequest, { dictionary, ...options, output: resolve(options.output) });
  const json = await shell.withServices((services) => services.exportDictionary(request));
  return { json, text: () => `${json.dictionary} is written as ${json.format} to ${json.output}` };
}

function addExchange(dictionary: CliCommand, shell: Shell): void {
  dictionary
    .command('encode <dictionary>')
    .description(
      'features and reconstruction of given activations, as a safetensors file: feature_acts [n, d_sae] (or indices and values [n, l0_max]) and reconstruction [n, d_out]',
    )
    .takes('--activations <file>', 'safetensors file with "activations" [n, d_in]', anyText, { required: true })
    .option('--sparse', 'write indices and values instead of all features')
    .takes('--engine <engine>', 'what computes', oneOf(ENGINES), { default: 'auto' })
    .takes('-o, --output <file>', 'safetensors file to write', anyText, { required: true })
    .example(
      'ssae dictionary encode builtin-gsae --activations acts.safetensors --sparse -o out.safetensors',
      'Which features fire on given activations',
    )
    .action((name: string, options: EncodeOptions) => shell.finish(encode(shell, name, options)));
  dictionary
    .command('count <dictionary>')
    .description(
      'count how often each feature fires on a corpus and keep it with the dictionary, as sparsity.safetensors of SAELens; training does so by itself, an imported dictionary may lack it',
    )
    .takes('--corpus <corpus>', 'corpus to count on', anyText, { required: true })
    .takes('--tokens <n>', 'tokens to read; of a larger corpus passages at even distances', wholeNumber(1, 1e9), {
      default: 1_000_000,
    })
    .example('ssae dictionary count layer-3 --corpus general', 'How often the features of layer-3 fire')
    .action((name: string, options: CountOptions) => shell.finish(countDensities(shell, name, options)));
  dictionary
    .command('import <folder>')
    .description('store a copy of a dictionary folder in the SAELens format')
    .takes('--as <name>', "name to store it by (default: the folder's)", anyText)
    .example('ssae dictionary import ~/saes/layer-3 --as layer-3', 'From a folder that SAELens saved')
    .action((source: string, { as }: { as?: string }) => shell.finish(importFrom(shell, source, as)));
  dictionary
    .command('export <dictionary>')
    .description("write a dictionary in another program's format")
    .takes('--format <format>', 'format to write', oneOf(['sae_lens']), { default: 'sae_lens' })
    .takes('-o, --output <folder>', 'folder to write', anyText, { required: true })
    .example(
      'ssae dictionary export entropy-term --format sae_lens -o ./entropy-term',
      'For SAE.load_from_disk of SAELens',
    )
    .action((name: string, options: ExportOptions) => shell.finish(exportTo(shell, name, options)));
}

export function addDictionary(program: CliCommand, shell: Shell): void {
  const dictionary = program.command('dictionary').description('dictionaries: trained sparse autoencoders');
  addExchange(dictionary, shell);
  dictionary
    .command('list')
    .description('all dictionaries')
    .example('ssae dictionary list', 'A table of all dictionaries')
    .action(() => shell.finish(list(shell)));
  dictionary
    .command('show <dictionary>')
    .description('one dictionary: architecture, sizes, model, where it lies')
    .example('ssae dictionary show builtin-gsae', 'The built-in general dictionary')
    .action((name: string) => shell.finish(show(shell, name)));
  dictionary
    .command('remove <dictionary>')
    .description('delete a stored dictionary')
    .example('ssae dictionary remove entropy-erm', 'Delete the dictionary "entropy-erm"')
    .action((name: string) => shell.finish(remove(shell, name)));
  dictionary
    .example('ssae dictionary list', 'See all dictionaries')
    .example('ssae dictionary import ~/saes/layer-3', 'Take one over from SAELens');
}
