import {
  type CancellationToken,
  LSPErrorCodes,
  MessageType,
  ResponseError,
  ShowMessageNotification,
  type TextDocuments,
  type WorkDoneProgressServerReporter,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { Interrupted, messageOf } from '../foundation/errors.ts';
import type { Watch } from './activation-reader.ts';

/** Work that takes longer shows its progress, milliseconds. */
const SLOW_MILLISECONDS = 500;
const MAX_REMEMBERED = 200;

/** The part of a client's connection that answers need. */
export interface Client {
  sendNotification(
    type: typeof ShowMessageNotification.type,
    params: { type: MessageType; message: string },
  ): Promise<void>;
  readonly window: { createWorkDoneProgress(): Promise<WorkDoneProgressServerReporter> };
}

/** What is answered where the work fails: an error, for what somebody asked for; nothing, for what the editor asks by itself. */
export type OnFailure<R> = { readonly kind: 'error' } | { readonly kind: 'nothing'; readonly answer: R };

/** Runs the work behind requests: cancelled with them, of no use once its document changed, with progress where it is slow. */
export class Answering {
  readonly #client: Client;
  readonly #documents: TextDocuments<TextDocument>;
  /** Messages that were shown; each is shown once. */
  readonly #told = new Set<string>();
  #isShowingProgress = false;

  constructor(client: Client, documents: TextDocuments<TextDocument>) {
    this.#client = client;
    this.#documents = documents;
  }

  /** Shows a message, the same one only once. */
  tellOnce(type: MessageType, message: string): void {
    if (this.#told.has(message)) return;
    if (this.#told.size >= MAX_REMEMBERED) this.#told.clear();
    this.#told.add(message);
    this.tell(type, message);
  }

  tell(type: MessageType, message: string): void {
    // A client that is gone hears nothing.
    this.#client.sendNotification(ShowMessageNotification.type, { type, message }).catch(() => undefined);
  }

  /**
   * @param document the work is about, if any
   * @throws ResponseError RequestCancelled, ContentModified, ServerCancelled, or RequestFailed with the reason
   */
  async run<R>(
    token: CancellationToken,
    document: TextDocument | null,
    onFailure: OnFailure<R>,
    work: (watch: Watch) => Promise<R>,
  ): Promise<R> {
    const abort = new AbortController();
    const checkDocument = this.#versionCheck(document);
    const progress = this.#slowProgress(abort);
    const subscription = token.onCancellationRequested(() => {
      abort.abort();
    });
    if (token.isCancellationRequested) abort.abort();
    try {
      const watch = { signal: abort.signal, check: checkDocument, report: progress.report };
      // The work itself may end a little later, or wait for its turn: nobody waits for that.
      const result = await Promise.race([work(watch), rejectedBy(abort.signal)]);
      checkDocument();
      return result;
    } catch (error) {
      if (abort.signal.aborted) throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
      if (error instanceof ResponseError) throw error;
      checkDocument();
      if (error instanceof Interrupted) throw new ResponseError(LSPErrorCodes.ServerCancelled, error.message);
      if (onFailure.kind === 'error') throw new ResponseError(LSPErrorCodes.RequestFailed, messageOf(error));
      this.tellOnce(MessageType.Error, `SSAE: ${messageOf(error)}`);
      return onFailure.answer;
    } finally {
      subscription.dispose();
      progress.end();
    }
  }

  #versionCheck(document: TextDocument | null): () => void {
    const version = document?.version;
    return () => {
      if (document === null) return;
      if (this.#documents.get(document.uri) !== document || document.version !== version)
        throw new ResponseError(LSPErrorCodes.ContentModified, 'the document changed meanwhile');
    };
  }

  /** One piece of slow work shows its progress at a time: several bars for one document would say nothing more. */
  #slowProgress(abort: AbortController): { report: (done: number, total: number) => void; end: () => void } {
    let reporter: WorkDoneProgressServerReporter | null = null;
    let isOver = false;
    let said: [number, number] = [0, 0];
    const show = async (): Promise<void> => {
      if (this.#isShowingProgress) return;
      this.#isShowingProgress = true;
      const made = await this.#client.window.createWorkDoneProgress();
      if (isOver) {
        this.#isShowingProgress = false;
        return;
      }
      reporter = made;
      reporter.token.onCancellationRequested(() => {
        abort.abort();
      });
      reporter.begin('SSAE: reading', percentage(said), undefined, true);
    };
    const timer = setTimeout(() => {
      show().catch(() => {
        this.#isShowingProgress = false;
      });
    }, SLOW_MILLISECONDS);
    return {
      report: (done, total) => {
        said = [done, total];
        reporter?.report(percentage(said), `${done} of ${total} segments`);
      },
      end: () => {
        isOver = true;
        clearTimeout(timer);
        if (reporter === null) return;
        reporter.done();
        this.#isShowingProgress = false;
      },
    };
  }
}

function percentage([done, total]: readonly [number, number]): number {
  return total === 0 ? 0 : Math.floor((100 * done) / total);
}

async function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => {
      reject(new Interrupted());
    };
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
