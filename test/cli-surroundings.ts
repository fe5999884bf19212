import { PassThrough, Readable } from 'node:stream';
import { runCommandLine } from '../server/cli/command-line.ts';
import { Shell } from '../server/cli/shell.ts';
import { WorkError } from '../server/foundation/errors.ts';
import type { Services } from '../server/services/services.ts';

export interface Called {
  readonly service: string;
  readonly request: unknown;
}

export interface Ran {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
  /** Calls that reached the services, in order. */
  readonly calls: readonly Called[];
}

/** Services that note what they are asked and answer from a table; what reaches them was parsed and checked. */
function noting(calls: Called[], answers: Readonly<Record<string, unknown>>): Services {
  return new Proxy({} as Services, {
    get: (_, service) => {
      if (service === 'then') return undefined; // A promise of them must not take them for a promise.
      if (service === Symbol.asyncDispose) return () => Promise.resolve();
      return (request: unknown) => {
        calls.push({ service: String(service), request });
        const answer = answers[String(service)];
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      };
    },
  });
}

async function textOf(stream: PassThrough): Promise<string> {
  stream.end();
  return Buffer.concat(await stream.toArray()).toString('utf8');
}

/** A shell whose streams lead nowhere: for looking at the command tree. */
export function shellInMemory(words: readonly string[]): Shell {
  return new Shell({
    words,
    input: Readable.from([]),
    output: new PassThrough(),
    errors: new PassThrough(),
    variables: {},
    interrupted: new AbortController().signal,
    openServices: () => Promise.reject(new WorkError('there are no services here')),
  });
}

/** Runs the command line inside this process, with its streams in memory. */
export async function run(
  words: readonly string[],
  settings: {
    readonly answers?: Readonly<Record<string, unknown>>;
    readonly input?: string | Uint8Array;
    readonly interrupted?: AbortSignal;
  } = {},
): Promise<Ran> {
  const [output, errors] = [new PassThrough(), new PassThrough()];
  const calls: Called[] = [];
  const status = await runCommandLine({
    words,
    input: Readable.from([Buffer.from(settings.input ?? '')]),
    output,
    errors,
    variables: {},
    interrupted: settings.interrupted ?? new AbortController().signal,
    openServices: () => Promise.resolve(noting(calls, settings.answers ?? {})),
  });
  return { status, output: await textOf(output), errors: await textOf(errors), calls };
}
