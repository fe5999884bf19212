import * as vscode from 'vscode';
import { formatOf } from '../../server/text/regions.ts';
import { setting } from '../settings.ts';
import type { PaintableText } from './kept-paint.ts';
import type { Stretch } from './paint-blocks.ts';
import { strongestTokens, strongestValue, type PaintedToken } from './painted-tokens.ts';
import { placeSegments, segmentsWithin, type PlacedSegment } from './placed-segments.ts';
import type { SegmentStore } from './segment-values.ts';

/** Lines read and painted at once above and below what is visible, so that scrolling meets painted text. Paint costs the window time, so less of it. */
const LINES_READ_AHEAD = 60;
const LINES_PAINTED_AHEAD = 25;
/** Marks of the overview ruler, the strongest tokens of the document. */
const MAX_MARKS = 200;

/** A document whose tokens are painted: its segments as of its latest version. */
export class HighlightedDocument {
  readonly document: vscode.TextDocument;
  readonly #store: SegmentStore;
  #segments: readonly PlacedSegment[] = [];
  #version = -1;
  /** Grows with what becomes known; the scale of a document does not jump when text is scrolled. */
  #maximum = 0;

  constructor(document: vscode.TextDocument, store: SegmentStore) {
    this.document = document;
    this.#store = store;
  }

  /** Segments of the text as it is now. */
  get segments(): readonly PlacedSegment[] {
    if (this.#version !== this.document.version) {
      const format = formatOf(this.document.uri.path, this.document.languageId);
      const fields = setting('textField.names', this.document);
      const segments = placeSegments(this.document.getText(), format, fields);
      this.#store.carryOver(this.#segments, segments);
      this.#segments = segments;
      this.#version = this.document.version;
    }
    return this.#segments;
  }

  /** Tokens whose values are known. */
  get known(): number {
    return this.#store.count(this.segments);
  }

  /** What is asked for next: visible segments, then those ahead, then all. */
  missing(editors: readonly vscode.TextEditor[]): {
    readonly visible: PlacedSegment[];
    readonly ahead: PlacedSegment[];
    readonly rest: PlacedSegment[];
  } {
    const unread = (segments: readonly PlacedSegment[]): PlacedSegment[] =>
      segments.filter(({ key }) => !this.#store.has(key));
    return {
      visible: unread(editors.flatMap((editor) => this.#within(editor, 0))),
      ahead: unread(editors.flatMap((editor) => this.#within(editor, LINES_READ_AHEAD))),
      rest: unread(this.segments),
    };
  }

  /** The document as it is to be painted in an editor. */
  paintable(editor: vscode.TextEditor): PaintableText {
    const near = stretches(editor, LINES_PAINTED_AHEAD);
    const { segments } = this;
    const scale = this.#scale(near.flatMap(({ from, to }) => segmentsWithin(segments, from, to)));
    return { version: this.#version, segments, store: this.#store, scale, near };
  }

  /** The strongest tokens of all that is known of the document, spread over it. */
  strongest(): PaintedToken[] {
    return strongestTokens(this.segments, this.#store, this.#scale(this.segments), MAX_MARKS);
  }

  /** The segment and the offset in its text that a place of the document is at; null where no text is read. */
  segmentAt(place: number): PlacedSegment | null {
    return segmentsWithin(this.segments, place, place + 1)[0] ?? null;
  }

  forgetScale(): void {
    this.#maximum = 0;
  }

  #scale(segments: readonly PlacedSegment[]): { maximum: number; kind: 'log' | 'linear' } {
    this.#maximum = Math.max(this.#maximum, strongestValue(segments, this.#store));
    return { maximum: this.#maximum, kind: setting('highlight.scale') };
  }

  #within(editor: vscode.TextEditor, ahead: number): PlacedSegment[] {
    return stretches(editor, ahead).flatMap(({ from, to }) => segmentsWithin(this.segments, from, to));
  }
}

/** What is visible of an editor, with as many lines above and below it. */
function stretches({ document, visibleRanges }: vscode.TextEditor, ahead: number): Stretch[] {
  const offset = (line: number): number => document.offsetAt(new vscode.Position(Math.max(0, line), 0));
  return visibleRanges.map(({ start, end }) => ({
    from: offset(start.line - ahead),
    to: offset(end.line + 1 + ahead),
  }));
}
