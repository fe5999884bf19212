/** `vscode.CancellationTokenSource` for tests outside of VS Code. */
export class CancellationTokenSource {
  readonly token = { isCancellationRequested: false };
  #isDisposed = false;

  cancel(): void {
    if (!this.#isDisposed) this.token.isCancellationRequested = true;
  }

  dispose(): void {
    this.#isDisposed = true;
  }
}
