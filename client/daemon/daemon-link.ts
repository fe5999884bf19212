import * as vscode from 'vscode';
import type { DaemonConnection } from '../../server/protocol/connection.ts';
import type { Job } from '../../server/protocol/jobs.ts';
import type { Request } from '../../server/protocol/messages.ts';
import { setting } from '../settings.ts';
import { RestartLimit } from './restart-limit.ts';

export type DaemonState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly pid: number; readonly version: string }
  | { readonly kind: 'failed'; readonly message: string };

/** The daemon cannot be had: it did not start, or was lost too often. Starting it anew is the remedy. */
export class DaemonUnavailable extends Error {}

/** The window's link to the daemon: made when first needed, made again when lost, not more than three times a minute. */
export class DaemonLink implements vscode.Disposable {
  readonly #context: vscode.ExtensionContext;
  readonly #log: vscode.LogOutputChannel;
  readonly #changes = new vscode.EventEmitter<DaemonState>();
  readonly #jobs = new vscode.EventEmitter<Job>();
  readonly #losses = new vscode.EventEmitter<void>();
  readonly #limit = new RestartLimit();
  #state: DaemonState = { kind: 'idle' };
  #connection: Promise<DaemonConnection> | null = null;

  constructor(context: vscode.ExtensionContext, log: vscode.LogOutputChannel) {
    this.#context = context;
    this.#log = log;
  }

  readonly onDidChangeState = this.#changes.event;
  /** The daemon ended without being asked to. */
  readonly onDidLose = this.#losses.event;
  /** Every job of the daemon when the link is made, and again whenever one changes. */
  readonly onDidChangeJob = this.#jobs.event;

  get state(): DaemonState {
    return this.#state;
  }

  /** Asks the daemon, after starting it where none runs. A cancelled token cancels the work there too. */
  async request<Given, Parsed, Result>(
    request: Request<Given, Parsed, Result>,
    params: Given,
    token?: vscode.CancellationToken,
  ): Promise<Result> {
    const connection = await this.#connect();
    const abort = new AbortController();
    const subscription = token?.onCancellationRequested(() => {
      abort.abort();
    });
    const started = performance.now();
    try {
      return await connection.request(request, params, abort.signal);
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
    (await old?.catch(() => null))?.dispose();
    await DaemonConnection.stop(daemonFolder(homeSetting()), this.#name);
    this.#limit.forget();
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
          vscode.l10n.t('The daemon was lost three times within a minute. See the log, then use "Restart Daemon".'),
        );
      this.#become({ kind: 'starting' });
      const { connectOrLaunch } = await import('../../server/protocol/launch.ts');
      const connection = await connectOrLaunch({
        home: homeSetting(),
        node: setting('nodePath').trim() || process.execPath,
        program: this.#context.asAbsolutePath('dist/server/main.js'),
        client: this.#name,
      });
      await this.#adopt(connection);
      return connection;
    } catch (error) {
      this.#connection = null;
      const message = error instanceof Error ? error.message : String(error);
      this.#become({ kind: 'failed', message });
      throw new DaemonUnavailable(message, { cause: error });
    }
  }

  async #adopt(connection: DaemonConnection): Promise<void> {
    const { FollowJobs } = await import('../../server/protocol/messages.ts');
    connection.onJobChanged((job) => {
      this.#jobs.fire(job);
    });
    void connection.closed.then((reason) => {
      this.#lose(connection, reason);
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
    if ((await this.#connection) === connection) await this.#adopt(connection);
    else connection.dispose();
  }

  #lose(connection: DaemonConnection, reason: string | null): void {
    if (this.#state.kind !== 'ready' || this.#state.pid !== connection.endpoint.pid) return;
    this.#log.warn(`the daemon (process ${connection.endpoint.pid}) is gone${reason === null ? '' : `: ${reason}`}`);
    this.#connection = null;
    this.#limit.lost();
    this.#become({ kind: 'idle' });
    this.#losses.fire();
  }

  #become(state: DaemonState): void {
    this.#state = state;
    this.#log.info(`daemon: ${state.kind === 'failed' ? state.message : JSON.stringify(state)}`);
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
    this.#losses.dispose();
  }
}

/** The home folder of the settings; null for SSAE_HOME or the platform's own. */
function homeSetting(): string | null {
  return setting('home').trim() || null;
}
