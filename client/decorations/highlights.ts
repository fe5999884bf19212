import * as vscode from 'vscode';
import { tellFailure } from '../commands/command.ts';
import { DaemonLost } from '../daemon/daemon-state.ts';
import type { MeasureChoice } from '../measure-choice.ts';
import { onSettingChange, setting } from '../settings.ts';
import type { Studio } from '../studio.ts';
import { HighlightedDocument } from './highlighted-document.ts';
import { Painter } from './painter.ts';
import type { PlacedSegment } from './placed-segments.ts';
import { agreesToRead, mayRead } from './readable-documents.ts';
import { SegmentRequests, type Wanted } from './segment-requests.ts';
import { decodeValues, MAX_TOKENS, SegmentStore } from './segment-values.ts';
import type { TextChange } from './told-paint.ts';

const ON = 'highlighting';
const CONTEXT_KEY = 'ssae.highlighting';
/** Segments of one request: few, so that what becomes visible meanwhile does not wait long. */
const VISIBLE_AT_A_TIME = 12;
const HIDDEN_AT_A_TIME = 6;
/** Tokens of the visible documents up to which what nobody sees is read. */
const MAX_TOKENS_AHEAD = 0.8 * MAX_TOKENS;
/** Shorter waits are not told of: the sign would come and go with every key, and the window draw it. */
const BUSY_MILLISECONDS = 150;
/** Keys that follow each other faster are read when they pause: reading between two of them would make the second wait. */
const BURST_MILLISECONDS = 120;

/**
 * Paints the tokens of every visible editor while highlighting is on. What is visible is read first, then what is near, then the rest;
 * one request is under way at a time, and one for text that nobody sees gives way.
 */
export class Highlights implements vscode.Disposable {
  readonly #studio: Studio;
  readonly #choice: MeasureChoice;
  readonly #painter = new Painter((document) => this.of(document));
  readonly #store = new SegmentStore();
  readonly #requests = new SegmentRequests({
    read: (segments, token) => this.#read(segments, token),
    fail: (error) => {
      this.#failed(error);
    },
    next: ({ visible }) => {
      if (visible) this.#painter.stir();
      void this.#refresh();
    },
    show: () => {
      this.#painter.paintAll();
    },
  });
  readonly #asked = new WeakSet<vscode.TextDocument>();
  readonly #documents = new Map<vscode.TextDocument, HighlightedDocument>();
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable[];
  /** Fires when highlighting goes on or off, and when it begins or ends waiting for the daemon. */
  readonly onDidChange = this.#changes.event;
  #on: boolean;
  /** What went wrong with the question as it is; nothing more is asked until the question changes. */
  #failure: string | null = null;
  #delay: NodeJS.Timeout | null = null;
  /** performance.now() of the last edit. */
  #edit = -Infinity;
  /** Whether it followed another at once: nothing is asked for before the keys pause. */
  #isBurst = false;
  #pause: NodeJS.Timeout | null = null;
  #wait: NodeJS.Timeout | null = null;
  #busy = false;

  constructor(studio: Studio, choice: MeasureChoice) {
    this.#studio = studio;
    this.#choice = choice;
    this.#on = studio.context.workspaceState.get<boolean>(ON, false);
    const { window, workspace } = vscode;
    this.#subscriptions = [
      window.onDidChangeVisibleTextEditors(() => {
        this.#painter.paintAll();
        void this.#refresh();
      }),
      window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        this.#painter.stir();
        this.#painter.paint(textEditor);
        void this.#refresh();
      }),
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) this.#edited(document, contentChanges);
      }),
      workspace.onDidCloseTextDocument((document) => this.#documents.delete(document)),
      choice.onDidChange(() => {
        this.#askAnew();
      }),
      studio.dictionary.onDidChange(() => {
        this.#askAnew();
      }),
      onSettingChange(['highlight.scale', 'highlight.overviewRuler'], () => {
        this.#painter.paintAll();
      }),
      onSettingChange(['highlight.largeFile'], () => {
        this.#painter.paintAll();
        void this.#refresh();
      }),
      onSettingChange(['textField.names'], () => {
        this.#documents.clear();
        void this.#refresh();
      }),
    ];
    void this.#switch(this.#on);
  }

  get on(): boolean {
    return this.#on;
  }

  /** Whether an answer about visible text has been waited for a while. */
  get busy(): boolean {
    return this.#busy;
  }

  get failure(): string | null {
    return this.#failure;
  }

  async toggle(on = !this.#on): Promise<void> {
    // Seen first, remembered then.
    const switched = this.#switch(on);
    await this.#studio.context.workspaceState.update(ON, on);
    await switched;
  }

  /** The document as it is painted; also one that is not, when it can be. */
  of(document: vscode.TextDocument): HighlightedDocument {
    const known = this.#documents.get(document) ?? new HighlightedDocument(document, this.#store);
    this.#documents.set(document, known);
    return known;
  }

  /** Asks again, after a failure that has been seen to. */
  retry(): void {
    this.#failure = null;
    void this.#refresh();
  }

  async #switch(on: boolean): Promise<void> {
    this.#on = on;
    this.#failure = null;
    this.#changes.fire();
    void vscode.commands.executeCommand('setContext', CONTEXT_KEY, on);
    this.#painter.switch(on);
    if (on) await this.#refresh();
    else this.#requests.cancel();
  }

  #askAnew(): void {
    this.#requests.cancel();
    this.#store.clear();
    this.#failure = null;
    for (const document of this.#documents.values()) document.forgetScale();
    this.#painter.paintAll();
    this.#changes.fire();
    void this.#refresh();
  }

  /** Paint of what changed goes at once; what is missing or may be another is asked for when the typing rests. */
  #edited(document: vscode.TextDocument, changes: readonly TextChange[]): void {
    this.#painter.edited(document, changes);
    if (!this.#on) return;
    if (this.#delay !== null) clearTimeout(this.#delay);
    this.#isBurst = performance.now() - this.#edit < BURST_MILLISECONDS;
    this.#edit = performance.now();
    const delay = Math.max(setting('highlight.delay'), this.#isBurst ? BURST_MILLISECONDS : 0);
    this.#delay = setTimeout(() => {
      this.#isBurst = false;
      void this.#refresh();
    }, delay);
  }

  /** Asks for what is missing until nothing is. */
  async #refresh(): Promise<void> {
    const wanted = this.#on && this.#failure === null ? this.#wanted() : null;
    if (this.#requests.isUnderWay) {
      if (wanted?.visible === true) this.#requests.makeWay(wanted);
      return;
    }
    if (this.#isBurst && performance.now() - this.#edit < BURST_MILLISECONDS) return;
    this.#waits(wanted?.visible === true);
    if (wanted !== null && (wanted.visible || !this.#pauses())) await this.#requests.ask(wanted);
  }

  #waits(visible: boolean): void {
    if (visible) {
      this.#wait ??= setTimeout(() => {
        this.#busy = true;
        this.#changes.fire();
      }, BUSY_MILLISECONDS);
      return;
    }
    if (this.#wait !== null) clearTimeout(this.#wait);
    this.#wait = null;
    if (!this.#busy) return;
    this.#busy = false;
    this.#changes.fire();
  }

  /** Whether the window is being drawn; asks again when it was. */
  #pauses(): boolean {
    const left = this.#painter.unrest;
    if (left <= 0) return false;
    this.#pause ??= setTimeout(() => {
      this.#pause = null;
      void this.#refresh();
    }, left);
    return true;
  }

  #wanted(): Wanted | null {
    const found: { ahead: PlacedSegment[]; rest: PlacedSegment[] }[] = [];
    let known = 0;
    for (const document of new Set(this.#painter.editors.map((editor) => editor.document))) {
      if (!mayRead(document)) {
        void this.#ask(document);
        continue;
      }
      const editors = this.#painter.editors.filter((editor) => editor.document === document);
      const { visible, ahead, rest } = this.of(document).missing(editors);
      if (visible.length > 0) return { segments: visible.slice(0, VISIBLE_AT_A_TIME), visible: true };
      found.push({ ahead, rest });
      known += this.of(document).known;
    }
    const ahead = found.find((each) => each.ahead.length > 0)?.ahead;
    // What would push out other values of the same documents is not read before it is seen: that would never end.
    const next = ahead ?? (known < MAX_TOKENS_AHEAD ? found.find(({ rest }) => rest.length > 0)?.rest : undefined);
    return next === undefined ? null : { segments: next.slice(0, HIDDEN_AT_A_TIME), visible: false };
  }

  /** Asks whether a large document is to be read. Others are read meanwhile. */
  async #ask(document: vscode.TextDocument): Promise<void> {
    if (this.#asked.has(document)) return;
    this.#asked.add(document);
    if (!(await agreesToRead(document))) return;
    this.#painter.paintAll();
    void this.#refresh();
  }

  async #read(segments: readonly PlacedSegment[], token: vscode.CancellationToken): Promise<void> {
    const { ReadSegments } = await import('../../server/protocol/messages.ts');
    const request = {
      ...{ dictionary: this.#studio.dictionary.name, measure: this.#choice.measure, hidden: [...this.#choice.hidden] },
      segments: segments.map(({ context, text }) => ({ context, text })),
    };
    const { segments: values } = await this.#studio.link.request(ReadSegments, request, token);
    if (token.isCancellationRequested) return;
    for (const [i, { key }] of segments.entries()) this.#store.set(key, decodeValues(values[i]!));
  }

  #failed(error: unknown): void {
    // The next request waits for the daemon that takes its place; after too many losses that one fails.
    if (error instanceof DaemonLost) return;
    this.#failure = error instanceof Error ? error.message : String(error);
    this.#store.forgetCarried();
    this.#painter.paintAll();
    this.#changes.fire();
    void tellFailure(this.#studio.log, error);
  }

  dispose(): void {
    this.#requests.dispose();
    for (const timer of [this.#delay, this.#pause, this.#wait]) if (timer !== null) clearTimeout(timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#painter.dispose();
    this.#changes.dispose();
    void vscode.commands.executeCommand('setContext', CONTEXT_KEY, undefined);
  }
}
