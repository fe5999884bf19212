import * as vscode from 'vscode';
import type { DaemonConnection } from '../../server/protocol/connection.ts';
import type { Job } from '../../server/protocol/jobs.ts';
import type { QueryProgress, Request } from '../../server/protocol/messages.ts';
import { setting } from '../settings.ts';
import { DaemonLost, DaemonUnavailable, type DaemonState } from './daemon-state.ts';
import { RestartLimit } from './restart-limit.ts';

/** The window's link to the daemon: made when first needed, made again when lost, not more than three times a minute. */
export class DaemonLink implements vscode.Disposable {
  readonly #context: vscode.ExtensionContext;
  readonly #log: vscode.LogOutputChannel;
  readonly #changes = new vscode.EventEmitter<DaemonState>();
  readonly #jobs = new vscode.EventEmitter<Job>();
  readonly #limit = new RestartLimit();
  #state: DaemonState = { kind: 'idle' };
  #connection: Promise<DaemonConnection> | null = null;
  readonly #gone = new WeakSet<DaemonConnection>();
  /** Whether this window has asked for something: only then a daemon that died is started again before it is needed. */
  #asked = false;

  constructor(context: vscode.ExtensionContext, log: vscode.LogOutputChannel) {
    this.#context = context;
    this.#log = log;
  }

  readonly onDidChangeState = this.#changes.event;
  /** Every job of the daemon when the link is made, and again whenever one changes. */
  readonly onDidChangeJob = this.#jobs.event;

  get state(): DaemonState {
    return this.#state;
  }

  /**
   * Asks the daemon, after starting it where none runs. A cancelled token cancels the work there too.
   * @param watch told the share of the work that is done, 0 to 1, while the daemon can tell it
   * @throws DaemonLost when it went away before it answered; asking again starts another one
   * @throws DaemonUnavailable when there is none and none can be started
   */
  async request<Given, Parsed, Result>(
    request: Request<Given, Parsed, Result>,
    params: Given,
    token?: vscode.CancellationToken,
    watch?: (share: number) => void,
  ): Promise<Result> {
    this.#asked = true;
    const connection = await this.#connect();
    const abort = new AbortController();
    const subscription = token?.onCancellationRequested(() => {
      abort.abort();
    });
    const started = performance.now();
    try {
      return await connection.request(request, params, abort.signal, watch && sharesFor(watch));
    } catch (error) {
      if (this.#gone.has(connection) && error instanceof Error) throw new DaemonLost(error);
      throw error;
    } finally {
      subscription?.dispose();
      this.#log.debug(`${request.type.method}: ${Math.round(performance.now() - started)} ms`);
    }
  }

  /** Stops the daemon, whatever its version, and starts the one that belongs to this extension. */
  async restart(): Promise<void> {
    const { DaemonConnection } = await import('../../server/protocol/connection.ts');
    const { daemonFolder } = await import('../../server/protocol/launch.ts');
    const old = this.#connection;
    this.#connection = null;
    this.#become({ kind: 'idle' }); // Its end is no loss.
    (await old?.catch(() => null))?.dispose();
    await DaemonConnection.stop(daemonFolder(homeSetting()), this.#name);
    this.#limit.forget();
    this.#asked = true;
    await this.#connect();
  }

  get #name(): string {
    const { version } = this.#context.extension.packageJSON as { version: string };
    return `${vscode.env.appName}, SSAE Studio ${version}`;
  }

  #connect(): Promise<DaemonConnection> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<DaemonConnection> {
    try {
      if (this.#limit.reached())
        throw new DaemonUnavailable(
          'lost too often',
          vscode.l10n.t(
            'The SSAE Studio daemon was lost three times within a minute and is not started again by itself. The log says what happened.',
          ),
        );
      this.#become({ kind: 'starting' });
      const { connectOrLaunch } = await import('../../server/protocol/launch.ts');
      const connection = await connectOrLaunch({
        home: homeSetting(),
        node: setting('nodePath').trim() || process.execPath,
        program: this.#context.asAbsolutePath('dist/server/main.js'),
        client: this.#name,
      });
      await this.#adopt(connection).catch((error: unknown) => {
        if (!this.#gone.has(connection)) throw error;
      });
      return this.#gone.has(connection) ? await this.#connect() : connection;
    } catch (error) {
      this.#connection = null;
      const failure = await unavailable(error);
      this.#become({ kind: 'failed', failure });
      throw failure;
    }
  }

  async #adopt(connection: DaemonConnection): Promise<void> {
    const { FollowJobs, DAEMON_STOPPED } = await import('../../server/protocol/messages.ts');
    connection.onJobChanged((job) => {
      this.#jobs.fire(job);
    });
    void connection.closed.then((reason) => {
      this.#lose(connection, reason, reason === DAEMON_STOPPED);
    });
    const { pid, version } = connection.endpoint;
    this.#become({ kind: 'ready', pid, version });
    for (const job of await connection.request(FollowJobs, { job: null })) this.#jobs.fire(job);
  }

  /** Attaches to a daemon that runs already; starts none. */
  async attach(): Promise<void> {
    if (this.#connection !== null) return;
    const { DaemonConnection } = await import('../../server/protocol/connection.ts');
    const { daemonFolder } = await import('../../server/protocol/launch.ts');
    const connection = await DaemonConnection.open(daemonFolder(homeSetting()), this.#name).catch(() => null);
    if (connection === null) return;
    // Somebody may have connected while we were on the way.
    this.#connection ??= Promise.resolve(connection);
    if ((await this.#connection) === connection)
      await this.#adopt(connection).catch(() => undefined); // Lost again.
    else connection.dispose();
  }

  #lose(connection: DaemonConnection, reason: string | null, stopped: boolean): void {
    this.#gone.add(connection);
    const { pid } = connection.endpoint;
    if (this.#state.kind !== 'ready' || this.#state.pid !== pid) return;
    this.#log.warn(`the daemon (process ${pid}) is gone: ${reason ?? 'it exited or was killed'}`);
    this.#connection = null;
    if (stopped) {
      this.#become({ kind: 'idle' });
      return;
    }
    this.#limit.lost();
    this.#become({ kind: 'lost', pid });
    // Whoever shows how it fares tells of a failure.
    if (this.#asked) this.#connect().catch(() => undefined);
  }

  #become(state: DaemonState): void {
    this.#state = state;
    this.#log.info(`daemon: ${state.kind === 'failed' ? state.failure.message : JSON.stringify(state)}`);
    this.#changes.fire(state);
  }

  /** Leaves the daemon running: other windows and its jobs need it. */
  dispose(): void {
    void this.#connection?.then(
      (connection) => {
        connection.dispose();
      },
      () => undefined,
    );
    this.#changes.dispose();
    this.#jobs.dispose();
  }
}

/** A stage that does not know its end has no share. */
function sharesFor(watch: (share: number) => void): (progress: QueryProgress) => void {
  return ({ done, total }) => {
    if (total !== null && total > 0) watch(Math.min(1, done / total));
  };
}

/** The home folder of the settings; null for SSAE_HOME or the platform's own. */
function homeSetting(): string | null {
  return setting('home').trim() || null;
}

async function unavailable(error: unknown): Promise<DaemonUnavailable> {
  if (error instanceof DaemonUnavailable) return error;
  const message = error instanceof Error ? error.message : String(error);
  const { isOfOtherProtocol } = await import('../../server/protocol/launch.ts');
  const speaksOther = await isOfOtherProtocol(homeSetting()).catch(() => false);
  return new DaemonUnavailable(speaksOther ? 'other protocol' : 'cannot start', message);
}
