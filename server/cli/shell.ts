import { Home } from '../foundation/home.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { Services } from '../services/services.ts';
import { ProgressBar } from './progress-bar.ts';
import { terminalOf, type OutputStream, type Terminal } from './terminal.ts';

/** What surrounds one call of the command line. */
export interface Surroundings {
  /** Words after `ssae`. */
  readonly words: readonly string[];
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: OutputStream;
  readonly errors: OutputStream;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C. */
  readonly interrupted: AbortSignal;
  openServices(home: Home, options: { readonly threads: number | null }): Promise<Services>;
}

/** Options that every command takes. */
export interface GlobalOptions {
  readonly home?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
  readonly threads?: number;
}

/** What a command ends with: one JSON document for programs, text for people. */
export interface Outcome {
  readonly json: unknown;
  readonly text: (terminal: Terminal) => string;
}

/** One call's streams, settings and resources. */
export class Shell {
  readonly surroundings: Surroundings;
  readonly out: Terminal;
  readonly err: Terminal;
  #options: GlobalOptions = { color: true };
  readonly #bar: ProgressBar;

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
    // Help and messages about wrong options are coloured too, before any option was parsed.
    const settings = { variables: surroundings.variables, color: !surroundings.words.includes('--no-color') };
    this.out = terminalOf(surroundings.output, settings);
    this.err = terminalOf(surroundings.errors, settings);
    this.#bar = new ProgressBar(surroundings.errors, this.err);
  }

  configure(options: GlobalOptions): void {
    this.#options = options;
  }

  get options(): GlobalOptions {
    return this.#options;
  }

  get home(): Home {
    return new Home(this.#options.home ?? this.surroundings.variables['SSAE_HOME']);
  }

  get threads(): number | null {
    return this.#options.threads ?? null;
  }

  /** Reports progress on stderr, and stops with the first Ctrl-C. */
  get control(): JobControl {
    return {
      signal: this.surroundings.interrupted,
      report: (progress) => {
        if (this.#options.quiet !== true) this.#bar.report(progress);
      },
    };
  }

  /** Opens the services for one piece of work and closes them after it. */
  async withServices<T>(work: (services: Services) => Promise<T>): Promise<T> {
    await using services = await this.surroundings.openServices(this.home, { threads: this.threads });
    return await work(services);
  }

  /** Prints a command's outcome, as JSON or for people. Null: the command has streamed it. */
  async finish(outcome: Promise<Outcome | null>): Promise<void> {
    const ended = await outcome;
    if (ended === null) return;
    const { json, text } = ended;
    if (this.#options.json === true) this.print(JSON.stringify(json, null, this.out.redraws ? 2 : undefined));
    else this.print(text(this.out));
  }

  /** A line on stdout. */
  print(text: string): void {
    this.#bar.clear();
    this.surroundings.output.write(`${text}\n`);
  }

  /** A line for people on stderr; --quiet silences it. */
  note(text: string): void {
    if (this.#options.quiet !== true) this.complain(text);
  }

  /** A line on stderr that nothing silences. */
  complain(text: string): void {
    this.#bar.clear();
    this.surroundings.errors.write(`${text}\n`);
  }

  /** Asks on the terminal. False where there is nobody to ask. */
  async confirm(question: string): Promise<boolean> {
    const { input, errors, interrupted } = this.surroundings;
    if (input.isTTY !== true || !this.err.redraws) return false;
    const { createInterface } = await import('node:readline/promises');
    const lines = createInterface({ input, output: errors });
    try {
      return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal: interrupted })).trim());
    } finally {
      lines.close();
    }
  }
}
