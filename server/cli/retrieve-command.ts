import type { RetrieveResult } from '../protocol/results.ts';
import { ARMS, type Arm } from '../retrieve/selection.ts';
import { UsageError } from '../foundation/errors.ts';
import type { CliCommand } from './cli-command.ts';
import { detach, offerDetach, outputPlaceOf, placeOf } from './detached.ts';
import { count, counted, duration, figure } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { table } from './table.ts';
import { oneLine, type Terminal } from './terminal.ts';
import { MAX_SEED } from './training-options.ts';
import { parseRequest } from './usage.ts';
import { anyText, oneOf, realNumber, wholeNumber } from './values.ts';

const SHOWN_HITS = 20;

interface RetrieveOptions {
  readonly seeds: string;
  readonly corpus: string;
  readonly arm: Arm;
  readonly tokens: number;
  readonly dictionary?: string;
  readonly candidates: number;
  readonly seed: number;
  readonly pin: readonly string[];
  readonly strike: readonly string[];
  readonly output?: string;
  readonly jsonl?: boolean;
  readonly detach?: boolean;
}

function shown(terminal: Terminal, { hits, ...result }: RetrieveResult, output: string | null): string {
  const found = table(
    terminal,
    [
      { title: '#', kind: 'number' },
      { title: 'score', kind: 'number' },
      { title: 'tokens', kind: 'number' },
      { title: 'source', kind: 'snippet' },
      { title: 'text', kind: 'snippet' },
    ],
    hits
      .slice(0, SHOWN_HITS)
      .map(({ rank, score, tokens, source, text }) => [
        String(rank),
        figure(score),
        count(tokens),
        source,
        oneLine(text),
      ]),
  );
  const lines = [
    `${counted(result.passages, 'passage')}, ${counted(result.tokens, 'token')}, by ${result.arm} in ${duration(result.seconds)}`,
    ...(result.overlapDropped === 0 ? [] : [`${counted(result.overlapDropped, 'passage')} dropped as overlapping`]),
    ...(result.note === null ? [] : [result.note]),
    ...(hits.length > SHOWN_HITS ? [`the first ${SHOWN_HITS} of ${count(hits.length)} are shown; --json has all`] : []),
    ...(output === null ? [] : [`written to ${output}`]),
  ];
  return `${found}\n\n${lines.join('\n')}`;
}

async function retrieve(shell: Shell, { pin, strike, ...options }: RetrieveOptions): Promise<Outcome | null> {
  if (options.arm.endsWith('tracin') && options.dictionary === undefined)
    throw new UsageError(`--dictionary is missing; --arm ${options.arm} scores passages by a dictionary`);
  if (options.jsonl === true && (options.detach === true || shell.options.json === true))
    throw new UsageError(
      `--jsonl streams hits; it cannot be used with ${options.detach === true ? '--detach' : '--json'}`,
    );
  const { RetrieveRequest } = await import('../protocol/requests.ts');
  const place = options.detach === true ? outputPlaceOf : (output: string) => output;
  const output = options.output === undefined ? null : place(options.output);
  const request = parseRequest(RetrieveRequest, {
    ...options,
    output,
    dictionary: options.dictionary === undefined ? null : placeOf(options.dictionary),
    ...{ pinned: [...pin], struck: [...strike] },
  });
  if (options.detach === true) return detach(shell, { kind: 'retrieve', request });
  const json = await shell.withServices((services) => services.retrieve(request, shell.control));
  if (options.jsonl !== true) return { json, text: (terminal) => shown(terminal, json, output) };
  for (const hit of json.hits) shell.print(JSON.stringify(hit));
  return null;
}

export function addRetrieve(program: CliCommand, shell: Shell): void {
  const command = program
    .command('retrieve')
    .description('find passages like the seeds in a corpus, up to a budget of tokens')
    .takes('--seeds <seeds>', 'seed set to look for', anyText, { required: true })
    .takes('--corpus <corpus>', 'corpus to search', anyText, { required: true })
    .takes('--arm <arm>', 'how passages are ranked', oneOf(ARMS), { required: true })
    .takes('--tokens <n>', 'budget of the selection, in tokens', wholeNumber(1), { required: true })
    .takes('--dictionary <dictionary>', 'dictionary that the tracin arms score by', anyText)
    .takes(
      '--candidates <factor>',
      'passages that a tracin arm reranks, as a multiple of the budget',
      realNumber({ minimum: 1, maximum: 1000 }),
      { default: 4 },
    )
    .takes('--seed <n>', 'seed of the random arm', wholeNumber(0, MAX_SEED), { default: 0 })
    .takesMany('--pin <id>', 'passage that is taken first, whatever the arm', anyText)
    .takesMany('--strike <id>', 'passage that is never taken', anyText)
    .takes('-o, --output <selection>', 'selection to write: a name, or a path', anyText)
    .option('--jsonl', 'print one JSON object a line: {rank, score, id, text, source, tokens}')
    .example('ssae retrieve --seeds entropy --corpus papers --arm bm25 --tokens 20000 -o entropy', 'By words')
    .example(
      'ssae retrieve --seeds entropy --corpus papers --arm dense+tracin --dictionary builtin-gsae --tokens 20000 -o entropy-tracin',
      'By meaning, reranked by influence',
    )
    .example(
      'ssae retrieve --seeds entropy --corpus papers --arm dense --tokens 2000 --jsonl | head',
      'Hits for another program',
    );
  command.example(
    'ssae retrieve --seeds entropy --corpus papers --arm bm25 --tokens 20000 --strike 3c9f00a1b2d4e5f6 -o entropy',
    'Again without a passage that was no good: the budget is filled from below',
  );
  offerDetach(command).action((options: RetrieveOptions) => shell.finish(retrieve(shell, options)));
}
