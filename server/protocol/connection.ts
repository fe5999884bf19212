import { type Socket } from 'node:net';
import {
  CancellationTokenSource,
  createMessageConnection,
  type Disposable,
  ErrorCodes,
  type MessageConnection,
  ResponseError,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node.js';
import { z } from 'zod';
import { Interrupted, messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import { type Endpoint, newestEndpoint, tryConnect } from './endpoint.ts';
import { BoundedMessageReader } from './framing.ts';
import { type Job, isSettled } from './jobs.ts';
import {
  CancelJob,
  type ErrorData,
  FollowJobs,
  Hello,
  JobChanged,
  MAX_ANSWER_BYTES,
  MAX_REQUEST_BYTES,
  PROTOCOL_VERSION,
  type QueryProgress,
  QueryProgressed,
  type Request,
  StopDaemon,
} from './messages.ts';
import { ensurePrivateFolder } from './private-folder.ts';

/** A connection to a daemon that said hello back. */
export class DaemonConnection implements Disposable {
  readonly endpoint: Endpoint;
  /** Settles once the connection is gone, whoever closed it, with the reason where the daemon gave one. */
  readonly closed: Promise<string | null>;
  readonly #connection: MessageConnection;
  readonly #socket: Socket;
  readonly #jobListeners = new Set<(job: Job) => void>();
  #refusal: string | null = null;
  /** Tokens of progress that were given out. */
  #watched = 0;

  private constructor(endpoint: Endpoint, socket: Socket) {
    this.endpoint = endpoint;
    this.#socket = socket;
    const reader = new BoundedMessageReader(socket, MAX_ANSWER_BYTES);
    // An error that answers no request tells why the daemon is about to close the connection.
    const complain = (message: string): void => {
      this.#refusal ??= message;
    };
    const silent = (): void => undefined;
    this.#connection = createMessageConnection(reader, new StreamMessageWriter(socket), {
      error: (text) => {
        complain(unaskedMessage(text));
      },
      warn: silent,
      info: silent,
      log: silent,
    });
    this.#connection.onError(([error]) => {
      complain(error.message);
    });
    this.#connection.onNotification(JobChanged, (job) => {
      for (const listener of this.#jobListeners) listener(job);
    });
    this.closed = new Promise((settle) => {
      this.#connection.onClose(() => {
        settle(this.#refusal);
        this.#connection.dispose(); // Rejects what still waits for an answer.
      });
    });
    this.#connection.listen();
  }

  /**
   * Connects to the daemon of a folder and shows its token.
   * @returns null when no daemon listens there.
   * @throws WorkError when it listens but will not talk to us, saying why.
   */
  static async open(folder: string, client: string): Promise<DaemonConnection | null> {
    const reached = await DaemonConnection.#reach(folder);
    if (reached === null) return null;
    try {
      await reached.request(Hello, { protocol: PROTOCOL_VERSION, token: reached.endpoint.token, client });
    } catch (error) {
      reached.dispose();
      throw error;
    }
    return reached;
  }

  /** Asks the daemon of a folder to stop, also one that speaks another version of the protocol. False when none listens. */
  static async stop(folder: string, client: string): Promise<boolean> {
    const reached = await DaemonConnection.#reach(folder);
    if (reached === null) return false;
    try {
      const { token } = reached.endpoint;
      // A daemon of another version refuses hello and still takes this one request.
      await reached.request(Hello, { protocol: PROTOCOL_VERSION, token, client }).catch(() => undefined);
      // Closing the connection is an answer too: it was on its way out already.
      await Promise.race([reached.closed, reached.request(StopDaemon, {}).then(() => reached.closed)]);
      return true;
    } finally {
      reached.dispose();
    }
  }

  static async #reach(folder: string): Promise<DaemonConnection | null> {
    await ensurePrivateFolder(folder);
    const endpoint = await newestEndpoint(folder);
    const socket = endpoint === null ? null : await tryConnect(endpoint);
    return endpoint === null || socket === null ? null : new DaemonConnection(endpoint, socket);
  }

  /**
   * Asks and waits. An aborted signal cancels the request on the daemon's side too.
   * @param watch told how far the work is
   * @throws UsageError | WorkError | Interrupted as the service itself would.
   */
  async request<Given, Parsed, Result>(
    request: Request<Given, Parsed, Result>,
    params: Given,
    signal?: AbortSignal,
    watch?: (progress: QueryProgress) => void,
  ): Promise<Result> {
    if (signal?.aborted === true) throw new Interrupted();
    const bytes = Buffer.byteLength(JSON.stringify(params));
    if (bytes > MAX_REQUEST_BYTES - 1024)
      throw new UsageError(
        `the request ${request.type.method} has ${bytes} bytes, over the limit of ${MAX_REQUEST_BYTES}; send less at a time`,
      );
    const cancellation = new CancellationTokenSource();
    const cancel = (): void => {
      cancellation.cancel();
    };
    signal?.addEventListener('abort', cancel);
    const workDoneToken = ++this.#watched;
    const watching = watch && this.#connection.onProgress(QueryProgressed, workDoneToken, watch);
    try {
      const asked = watch ? { ...params, workDoneToken } : params;
      return await this.#connection.sendRequest(request.type, asked, cancellation.token);
    } catch (error) {
      throw this.#asOurs(error);
    } finally {
      signal?.removeEventListener('abort', cancel);
      watching?.dispose();
      cancellation.dispose();
    }
  }

  #asOurs(error: unknown): Error {
    if (!(error instanceof ResponseError)) return new WorkError(this.#lost(messageOf(error)), { cause: error });
    if (error.code === ErrorCodes.PendingResponseRejected) return new WorkError(this.#lost('it exited or was killed'));
    switch ((error.data as ErrorData | undefined)?.kind) {
      case 'usage':
        return new UsageError(error.message);
      case 'interrupted':
        return new Interrupted();
      case 'work':
      case undefined:
        return new WorkError(error.message);
    }
  }

  #lost(why: string): string {
    return `the daemon (process ${this.endpoint.pid}) closed the connection: ${this.#refusal ?? why}`;
  }

  /** Calls back whenever a followed job changes. */
  onJobChanged(listener: (job: Job) => void): Disposable {
    this.#jobListeners.add(listener);
    return { dispose: () => this.#jobListeners.delete(listener) };
  }

  /**
   * Follows one job until it is done, failed, cancelled or paused.
   * An aborted signal cancels the job: whoever waits in the foreground and gives up wants it gone.
   */
  async waitForJob(id: string, watch: (job: Job) => void, signal?: AbortSignal): Promise<Job> {
    return new Promise((settle, reject) => {
      const fail = (error: unknown): void => {
        finish();
        reject(error instanceof Error ? error : new WorkError(messageOf(error)));
      };
      const cancel = (): void => {
        this.request(CancelJob, { job: id }).catch(fail);
      };
      const see = (job: Job): void => {
        if (job.id !== id) return;
        watch(job);
        if (!isSettled(job.state)) return;
        finish();
        settle(job);
      };
      const subscription = this.onJobChanged(see);
      const finish = (): void => {
        subscription.dispose();
        signal?.removeEventListener('abort', cancel);
      };
      signal?.addEventListener('abort', cancel);
      this.request(FollowJobs, { job: id }).then((jobs) => {
        jobs.forEach(see);
      }, fail);
      void this.closed.then((reason) => {
        fail(new WorkError(this.#lost(reason ?? 'it exited or was killed')));
      });
    });
  }

  dispose(): void {
    this.#socket.destroy();
  }
}

/** What an error that answers no request says: the library tells it as one text, words of its own before the error's JSON. */
function unaskedMessage(text: string): string {
  const json = text.slice(text.indexOf('{'));
  try {
    return z.object({ message: z.string() }).parse(JSON.parse(json)).message;
  } catch {
    return text;
  }
}
