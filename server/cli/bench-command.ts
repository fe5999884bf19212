import type { JobControl } from '../foundation/progress.ts';
import type { CliCommand } from './cli-command.ts';
import { figure } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table, type Column } from './table.ts';
import type { Terminal } from './terminal.ts';
import { wholeNumber } from './values.ts';

/** What every benchmark ends with: where it ran, and rows of figures. */
interface Benchmark {
  readonly machine: object | string;
  readonly rows: readonly object[];
}

interface Bench {
  readonly name: string;
  readonly description: string;
  readonly run: (rounds: number, control: JobControl) => Promise<Benchmark>;
}

const BENCHES: readonly Bench[] = [
  {
    name: 'sae',
    description: 'one training step of every engine, beside dense PyTorch where it is installed',
    run: async (rounds, control) => (await import('../../bench/sae.ts')).benchSae(rounds, control),
  },
  {
    name: 'model',
    description: "the language model's head, beside a bare onnxruntime loop",
    run: async (rounds, control) => (await import('../../bench/model.ts')).benchModel(rounds, control),
  },
  {
    name: 'harvest',
    description: "harvest to disk beside the model's head alone, and how long a training loop waits for its rows",
    run: async (rounds, control) => (await import('../../bench/harvest.ts')).benchHarvest(rounds, control),
  },
  {
    name: 'highlight',
    description: 'the features of 200 tokens, everything warm',
    run: async (rounds, control) => (await import('../../bench/highlight.ts')).benchHighlight(rounds, control),
  },
  {
    name: 'retrieve',
    description: 'BM25 and dense search over 50 000 passages',
    run: async (rounds, control) => (await import('../../bench/retrieve.ts')).benchRetrieve(rounds, control),
  },
];

function cellText(value: unknown): string {
  if (typeof value === 'number') return figure(value);
  return typeof value === 'string' ? value : value == null ? '–' : JSON.stringify(value);
}

/** "ourMilliseconds" as "our milliseconds". */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function shown(terminal: Terminal, { machine, rows }: Benchmark): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => names.map((name) => (row as Record<string, unknown>)[name]));
  const columns = names.map((name, i): Column => {
    const isNumber = cells.some((row) => typeof row[i] === 'number');
    return { title: words(name), kind: isNumber ? 'number' : 'snippet' };
  });
  const about = typeof machine === 'string' ? { machine } : machine;
  return [
    record(
      terminal,
      Object.entries(about).map(([name, value]) => [words(name), cellText(value)]),
    ),
    table(
      terminal,
      columns,
      cells.map((row) => row.map(cellText)),
    ),
  ].join('\n\n');
}

async function bench(shell: Shell, { run }: Bench, rounds: number): Promise<Outcome> {
  const json = await run(rounds, shell.control);
  return { json, text: (terminal) => shown(terminal, json) };
}

export function addBench(program: CliCommand, shell: Shell): void {
  const benches = program
    .command('bench')
    .description(
      "this machine's figures, with the peer beside them where it is installed; ratio is the peer's median over ours",
    );
  for (const each of BENCHES)
    benches
      .command(each.name)
      .description(each.description)
      .takes('--rounds <n>', 'interleaved rounds; medians over them are shown', wholeNumber(1, 1000), { default: 5 })
      .example(`ssae bench ${each.name} --json`, 'For a program')
      .action(({ rounds }: { rounds: number }) => shell.finish(bench(shell, each, rounds)));
  benches.example('ssae bench retrieve', 'Speed of retrieval');
}
