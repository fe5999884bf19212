const WINDOW_MILLISECONDS = 60_000;
const MAX_LOSSES = 3;

/** Counts how often the daemon was lost lately: after the third time in a minute, starting it again helps nobody. */
export class RestartLimit {
  #losses: number[] = [];

  lost(now = Date.now()): void {
    this.#losses = [...this.#losses.filter((at) => now - at < WINDOW_MILLISECONDS), now];
  }

  reached(now = Date.now()): boolean {
    return this.#losses.filter((at) => now - at < WINDOW_MILLISECONDS).length >= MAX_LOSSES;
  }

  /** The user asked for another try. */
  forget(): void {
    this.#losses = [];
  }
}
