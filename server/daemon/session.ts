import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  type CancellationToken,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ResponseError,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node.js';
import { z } from 'zod';
import { messageOf, UsageError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import type { JobControl, Progress } from '../foundation/progress.ts';
import { BoundedMessageReader, FramingError } from '../protocol/framing.ts';
import { type Job, isSettled } from '../protocol/jobs.ts';
import {
  DAEMON_STOPPED,
  ERROR_CODE,
  type ErrorData,
  Hello,
  JobChanged,
  MAX_REQUEST_BYTES,
  PROTOCOL_VERSION,
  QueryProgressed,
  type Request,
  StopDaemon,
  WithProgressToken,
} from '../protocol/messages.ts';
import { errorKind } from './job-thread.ts';
import type { Log } from './log.ts';

/** Bytes of a message and milliseconds of silence allowed to a peer that has not shown the token yet. */
const MAX_STRANGER_BYTES = 64 * 1024;
const STRANGER_MILLISECONDS = 10_000;
/** Between the last answer to a client and the end of its connection, so that the answer gets through. */
const FAREWELL_MILLISECONDS = 50;
const MIN_NOTIFY_MILLISECONDS = 100;

export interface SessionHost {
  readonly token: string;
  readonly version: string;
  readonly log: Log;
  /** Whether the daemon is on its way out and takes no more work. */
  readonly stopping: () => boolean;
  readonly stop: () => void;
}

/** How far a peer has introduced itself. A client of another protocol version may still ask the daemon to stop. */
type Standing = { kind: 'stranger' } | { kind: 'foreign version'; protocol: number } | { kind: 'client'; name: string };

/** One connection. What its client asks is cancelled when it leaves; jobs are the daemon's own and go on. */
export class Session {
  readonly closed: Promise<void>;
  readonly #host: SessionHost;
  readonly #socket: Socket;
  readonly #connection: MessageConnection;
  readonly #left = new AbortController();
  #standing: Standing = { kind: 'stranger' };
  /** Jobs that this client follows; null for all. */
  #followed: Set<string> | null = new Set();
  readonly #told = new Map<string, { at: number; state: string }>();

  constructor(host: SessionHost, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
    const reader = new BoundedMessageReader(socket, MAX_STRANGER_BYTES);
    this.#connection = createMessageConnection(reader, new StreamMessageWriter(socket));
    const timer = setTimeout(() => {
      if (this.#standing.kind === 'stranger') this.#refuse(ErrorCodes.InvalidRequest, 'no hello came in time');
    }, STRANGER_MILLISECONDS);
    reader.onError((error) => {
      const code = error instanceof FramingError ? error.code : ErrorCodes.InternalError;
      this.#refuse(code, error.message);
    });
    this.closed = new Promise((settle) => {
      this.#connection.onClose(() => {
        clearTimeout(timer);
        this.#left.abort();
        this.#connection.dispose();
        settle();
      });
    });
    this.#connection.onRequest(Hello.type, (given) => this.#hello(given, reader));
    this.#connection.onRequest(StopDaemon.type, () => {
      if (this.#standing.kind === 'stranger') return notIntroduced();
      setTimeout(this.#host.stop, FAREWELL_MILLISECONDS);
      return null;
    });
  }

  /** Answers one kind of request, its parameters checked, once the client has introduced itself. */
  answer<Given, Parsed, Result>(
    request: Request<Given, Parsed, Result>,
    handle: (params: Parsed, control: JobControl) => Result | Promise<Result>,
  ): void {
    this.#connection.onRequest(request.type, async (given, token) => {
      if (this.#standing.kind !== 'client') return notIntroduced();
      const parsed = request.params.safeParse(given);
      if (!parsed.success)
        return failure(
          new UsageError(`${request.type.method}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`),
        );
      try {
        return await handle(parsed.data, this.#control(token, given));
      } catch (error) {
        if (errorKind(error) === 'work') this.#host.log.error(`${request.type.method}: ${stackOf(error)}`);
        return failure(error);
      }
    });
  }

  listen(): void {
    this.#connection.listen();
  }

  follow(job: string | null): void {
    if (job === null) this.#followed = null;
    else this.#followed?.add(job);
  }

  /** Tells a client that follows the job; mere progress not more often than ten times a second. */
  tell(job: Job): void {
    if (this.#standing.kind !== 'client' || (this.#followed !== null && !this.#followed.has(job.id))) return;
    const last = this.#told.get(job.id);
    const at = performance.now();
    if (last?.state === job.state.kind && at - last.at < MIN_NOTIFY_MILLISECONDS) return;
    if (isSettled(job.state)) this.#told.delete(job.id);
    else this.#told.set(job.id, { at, state: job.state.kind });
    void this.#connection.sendNotification(JobChanged, job).catch(() => undefined);
  }

  /** Says that the daemon stops, so that nobody takes its end for a crash. */
  close(): void {
    this.#socket.end(unaskedError(ERROR_CODE.refused, DAEMON_STOPPED));
    this.#socket.destroySoon();
  }

  #hello(
    given: unknown,
    reader: BoundedMessageReader,
  ): { protocol: number; version: string; pid: number } | ResponseError<ErrorData> {
    const parsed = Hello.params.safeParse(given);
    if (!parsed.success) return this.#turnAway(`hello: ${z.prettifyError(parsed.error)}`);
    const { token, protocol, client } = parsed.data;
    // Hashes have equal lengths, as the comparison in constant time needs.
    if (!timingSafeEqual(Buffer.from(sha256(token)), Buffer.from(sha256(this.#host.token))))
      return this.#turnAway('the token does not match the one in the endpoint file of this daemon');
    const { version } = this.#host;
    if (protocol !== PROTOCOL_VERSION) {
      this.#standing = { kind: 'foreign version', protocol };
      return refusal(
        `the running daemon is version ${version} and speaks protocol ${PROTOCOL_VERSION}, ${client} speaks protocol ` +
          `${protocol}; stop it (ssae daemon stop, or "Restart Daemon" in the editor) so that the matching one starts`,
      );
    }
    if (this.#host.stopping()) return refusal('the daemon is stopping; try again in a moment');
    this.#standing = { kind: 'client', name: client };
    reader.maxBytes = MAX_REQUEST_BYTES;
    this.#host.log.info(`${client} connected`);
    return { protocol: PROTOCOL_VERSION, version, pid: process.pid };
  }

  #turnAway(message: string): ResponseError<ErrorData> {
    this.#host.log.error(`a client was turned away: ${message}`);
    setTimeout(() => this.#socket.end(), FAREWELL_MILLISECONDS);
    return refusal(message);
  }

  /** An error that answers no request, then the end of the connection. Others are not touched. */
  #refuse(code: number, message: string): void {
    this.#host.log.error(`a connection is closed: ${message}`);
    if (this.#socket.writable) this.#socket.end(unaskedError(code, message));
    // What still comes in is thrown away until the peer has read why.
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  #control(token: CancellationToken, given: unknown): JobControl {
    const cancelled = new AbortController();
    token.onCancellationRequested(() => {
      cancelled.abort();
    });
    // A token that was cancelled before its request was dealt with tells nobody any more.
    if (token.isCancellationRequested) cancelled.abort();
    const signal = AbortSignal.any([cancelled.signal, this.#left.signal]);
    const watcher = WithProgressToken.safeParse(given);
    if (!watcher.success) return { signal, report: () => undefined };
    let last = -Infinity;
    const report = (progress: Progress): void => {
      if (signal.aborted || performance.now() - last < MIN_NOTIFY_MILLISECONDS) return;
      last = performance.now();
      void this.#connection.sendProgress(QueryProgressed, watcher.data.workDoneToken, progress).catch(() => undefined);
    };
    return { signal, report };
  }
}

/** An error that answers no request, framed. */
function unaskedError(code: number, message: string): string {
  const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message, data: { kind: 'usage' } } });
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function notIntroduced(): ResponseError<ErrorData> {
  return refusal('say hello with the token and the protocol version first');
}

function refusal(message: string): ResponseError<ErrorData> {
  return new ResponseError(ERROR_CODE.refused, message, { kind: 'work' });
}

function failure(error: unknown): ResponseError<ErrorData> {
  const kind = errorKind(error);
  const codes = { usage: ErrorCodes.InvalidParams, work: ERROR_CODE.work, interrupted: ERROR_CODE.interrupted };
  return new ResponseError(codes[kind], messageOf(error), { kind });
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
