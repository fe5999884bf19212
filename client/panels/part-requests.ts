import * as vscode from 'vscode';

/** The requests that a panel waits for: one a part of its page. A newer one for the same part ends the older. */
export class PartRequests<Part extends string> implements vscode.Disposable {
  readonly #running = new Map<Part, vscode.CancellationTokenSource>();
  readonly #fail: (part: Part, error: unknown) => void;

  /** @param fail hears of what went wrong, except where the request was ended on purpose */
  constructor(fail: (part: Part, error: unknown) => void) {
    this.#fail = fail;
  }

  /** Settles when the work is done, has failed or was ended; never rejects. */
  async run(part: Part, work: (token: vscode.CancellationToken) => Promise<void>): Promise<void> {
    this.end(part);
    const source = new vscode.CancellationTokenSource();
    this.#running.set(part, source);
    try {
      await work(source.token);
    } catch (error) {
      if (!source.token.isCancellationRequested) this.#fail(part, error);
    } finally {
      if (this.#running.get(part) === source) this.#running.delete(part);
      source.dispose();
    }
  }

  end(part: Part): void {
    this.#running.get(part)?.cancel();
    this.#running.delete(part);
  }

  dispose(): void {
    for (const part of [...this.#running.keys()]) this.end(part);
  }
}
