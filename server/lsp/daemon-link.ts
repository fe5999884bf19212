import type { DaemonConnection } from '../protocol/connection.ts';
import type { Request } from '../protocol/messages.ts';
import { WorkError } from '../foundation/errors.ts';

const WINDOW_MILLISECONDS = 60_000;
const MAX_OPENINGS = 3;

/** What asks the daemon. */
export interface Asker {
  /** @throws UsageError | WorkError | Interrupted as the service would */
  request<Given, Parsed, Result>(
    request: Request<Given, Parsed, Result>,
    params: Given,
    signal?: AbortSignal,
  ): Promise<Result>;
}

/** The connection to the daemon: made when first needed, made again when lost, at most three times a minute. */
export class DaemonLink implements Asker {
  readonly #open: () => Promise<DaemonConnection>;
  readonly #now: () => number;
  #connection: Promise<DaemonConnection> | null = null;
  /** When connections were opened, milliseconds. */
  #openings: number[] = [];
  #isDisposed = false;

  /** @param open connects, after starting the daemon where none runs */
  constructor(open: () => Promise<DaemonConnection>, now: () => number = Date.now) {
    this.#open = open;
    this.#now = now;
  }

  async request<Given, Parsed, Result>(
    request: Request<Given, Parsed, Result>,
    params: Given,
    signal?: AbortSignal,
  ): Promise<Result> {
    const connection = await this.#connect();
    try {
      return await connection.request(request, params, signal);
    } catch (error) {
      // What is asked from here may be asked twice: readings change nothing, and a seed is stored once.
      if (!(error instanceof WorkError) || !(await this.#isLost(connection))) throw error;
      return (await this.#connect()).request(request, params, signal);
    }
  }

  async #isLost(connection: DaemonConnection): Promise<boolean> {
    const nextTurn = new Promise<false>((settle) => setImmediate(settle, false));
    return Promise.race([connection.closed.then(() => true), nextTurn]);
  }

  #connect(): Promise<DaemonConnection> {
    if (this.#isDisposed) return Promise.reject(new WorkError('the language server is shutting down'));
    if (this.#connection === null) {
      const opening = this.#openOnce();
      this.#connection = opening;
      const forget = (): void => {
        if (this.#connection === opening) this.#connection = null;
      };
      opening.then((connection) => void connection.closed.then(forget), forget);
    }
    return this.#connection;
  }

  async #openOnce(): Promise<DaemonConnection> {
    const now = this.#now();
    this.#openings = this.#openings.filter((at) => now - at < WINDOW_MILLISECONDS);
    if (this.#openings.length >= MAX_OPENINGS)
      throw new WorkError(
        `the daemon was lost ${MAX_OPENINGS} times within a minute and is not started again yet; see: ssae daemon logs`,
      );
    this.#openings.push(now);
    return this.#open();
  }

  /** Leaves the daemon running: other clients and its jobs need it. */
  dispose(): void {
    this.#isDisposed = true;
    void this.#connection?.then(
      (connection) => {
        connection.dispose();
      },
      () => undefined,
    );
  }
}
