import * as vscode from 'vscode';
import type { PlacedSegment } from './placed-segments.ts';

export interface Wanted {
  readonly segments: readonly PlacedSegment[];
  /** Whether somebody sees them now. */
  readonly visible: boolean;
}

export interface SegmentReading {
  /** Asks the daemon, and keeps the answer unless it was cancelled meanwhile. */
  readonly read: (segments: readonly PlacedSegment[], token: vscode.CancellationToken) => Promise<void>;
  /** Hears of a failure that was no cancellation. */
  readonly fail: (error: unknown) => void;
  /** An answer was kept, or there is none: what is to be asked for next is asked for here. */
  readonly next: (answered: Wanted) => void;
  /** Paints what is kept. */
  readonly show: () => void;
}

/**
 * One request for segments at a time. The next is sent before the answer to the one before is painted, so that the daemon computes while the
 * window draws. What is kept has the text for its key, so that late paint is never that of another text.
 */
export class SegmentRequests implements vscode.Disposable {
  readonly #reading: SegmentReading;
  #underWay: (Wanted & { readonly cancel: vscode.CancellationTokenSource }) | null = null;

  constructor(reading: SegmentReading) {
    this.#reading = reading;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== null;
  }

  cancel(): void {
    this.#underWay?.cancel.cancel();
  }

  /** Ends a request that keeps waiting what is visible now: nobody sees its text any more. */
  makeWay(visible: Wanted): void {
    if (this.#underWay === null) return;
    const seen = new Set(visible.segments.map(({ key }) => key));
    if (!this.#underWay.visible || !this.#underWay.segments.some(({ key }) => seen.has(key))) this.cancel();
  }

  /** Settles when the answer is painted, or there is none; never rejects. None may be under way. */
  async ask(wanted: Wanted): Promise<void> {
    const cancel = new vscode.CancellationTokenSource();
    this.#underWay = { ...wanted, cancel };
    let answered = false;
    try {
      await this.#reading.read(wanted.segments, cancel.token);
      answered = !cancel.token.isCancellationRequested;
    } catch (error) {
      if (!cancel.token.isCancellationRequested) this.#reading.fail(error);
    }
    cancel.dispose();
    this.#underWay = null;
    this.#reading.next(wanted);
    if (!answered) return;
    await messageWritten();
    this.#reading.show();
  }

  dispose(): void {
    this.cancel();
  }
}

/** JSON-RPC writes a message in the next turn of the event loop; what waits for two comes after it. */
function messageWritten(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
