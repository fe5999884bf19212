/** How the daemon is, as a window sees it. */
export type DaemonState =
  /** None is needed yet, or it was stopped in good order. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly pid: number; readonly version: string }
  /** It ended and nobody had asked it to. */
  | { readonly kind: 'lost'; readonly pid: number }
  | { readonly kind: 'failed'; readonly failure: DaemonUnavailable };

export type UnavailableCause = 'cannot start' | 'lost too often' | 'other protocol';

/** There is no daemon to ask: it cannot be started, was lost too often, or one of another version is in the way. */
export class DaemonUnavailable extends Error {
  readonly why: UnavailableCause;

  constructor(why: UnavailableCause, message: string) {
    super(message);
    this.why = why;
  }
}

/** The daemon went away while it was asked. */
export class DaemonLost extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}
