import type { DaemonState, UnavailableCause } from './daemon-state.ts';

/** What is worth telling of how the daemon fares. */
export type DaemonNotice =
  /** It had ended by itself, and another one runs now. */
  | { readonly kind: 'returned'; readonly lost: number }
  | { readonly kind: 'failed'; readonly why: UnavailableCause; readonly message: string }
  /** The one that runs speaks our protocol and belongs to another version of the product. */
  | { readonly kind: 'other version'; readonly version: string };

/** Turns the states of the daemon into notices: one an incident, however often its state changes meanwhile. */
export class DaemonIncidents {
  readonly #version: string;
  /** The process that was lost and has not come back. */
  #lost: number | null = null;
  #failure: string | null = null;
  #otherVersion: number | null = null;

  /** @param version of the product that this window belongs to */
  constructor(version: string) {
    this.#version = version;
  }

  /** @returns what to tell the user now; null for nothing new */
  next(state: DaemonState): DaemonNotice | null {
    switch (state.kind) {
      case 'starting':
        return null;
      case 'idle':
        this.#lost = null;
        return null;
      case 'lost':
        this.#lost ??= state.pid;
        return null;
      case 'ready':
        return this.#ready(state.pid, state.version);
      case 'failed': {
        const { why, message } = state.failure;
        this.#lost = null;
        if (this.#failure === message) return null;
        this.#failure = message;
        return { kind: 'failed', why, message };
      }
    }
  }

  #ready(pid: number, version: string): DaemonNotice | null {
    const lost = this.#lost;
    this.#lost = null;
    this.#failure = null;
    if (version !== this.#version && this.#otherVersion !== pid) {
      this.#otherVersion = pid;
      return { kind: 'other version', version };
    }
    return lost === null ? null : { kind: 'returned', lost };
  }
}
