/** Answers about tokens: paint, hover, hints, highlights. */
import {
  type DocumentHighlight,
  DocumentHighlightKind,
  type Hover,
  type InlayHint,
  MarkupKind,
  type Position,
  type Range,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { featureText, fenced, tokenText } from '../text/token-text.ts';
import type { Watch } from './activation-reader.ts';
import { MAX_WHOLE_LENGTH, segmentsWithin } from './document-segments.ts';
import { type Activation, namedFeature, type Reading } from './reading.ts';
import { type PaintedPiece, paintedPieces } from './semantic-tokens.ts';

const MAX_HINTS = 40;
const MAX_HINT_LABEL_LENGTH = 32;
/** Requests for hints' tokens at a time. */
const PARALLEL_TOKENS = 4;
/** UTF-16 units to each side of the cursor that are looked through for other tokens of a feature. */
const HIGHLIGHT_LENGTH = 50_000;
const MAX_HIGHLIGHTS = 2000;
/** UTF-16 units of a range that are read at a time; more than any screen holds. */
const MAX_RANGE_LENGTH = 200_000;

function offsetsOf(document: TextDocument, { start, end }: Range): readonly [number, number] {
  const from = document.offsetAt(start);
  return [from, Math.min(Math.max(from, document.offsetAt(end)), from + MAX_RANGE_LENGTH)];
}

/**
 * The painted tokens of a range, or of the document's first 100,000 UTF-16 units.
 * The scale is the strongest value read so far of the document as it is now.
 */
export async function paint(
  reading: Reading,
  document: TextDocument,
  range: Range | null,
  watch: Watch,
): Promise<readonly PaintedPiece[]> {
  if (!reading.settings.semanticTokens) return [];
  const question = await reading.question();
  const all = reading.segmentsOf(document);
  const segments =
    range === null
      ? all.filter(({ end }) => end <= MAX_WHOLE_LENGTH)
      : segmentsWithin(all, ...offsetsOf(document, range));
  const activations = await reading.activations(segments, question, watch);
  const strongest =
    range === null
      ? activations.reduce((most, { value }) => Math.max(most, value), 0)
      : reading.strongestKnown(all, question);
  return paintedPieces(document, activations, strongest);
}

/** The token under the cursor. */
export async function hover(
  reading: Reading,
  document: TextDocument,
  position: Position,
  format: MarkupKind,
  { signal }: Watch,
): Promise<Hover | null> {
  const found = await reading.tokenAt(document, document.offsetAt(position), signal);
  if (found === null) return null;
  const top = reading.settings['hover.features'];
  const { text, reading: own, baseline } = found.token;
  const shown = tokenText({
    text,
    reading: { ...own, features: own.features.slice(0, top) },
    baseline: baseline === null ? null : { ...baseline, features: baseline.features.slice(0, top) },
  });
  return {
    contents: { kind: format, value: format === MarkupKind.Markdown ? fenced(shown) : shown },
    range: { start: document.positionAt(found.start), end: document.positionAt(found.end) },
  };
}

/** The strongest tokens of a range with the feature that makes them strong: at most one a line and forty in all. */
export async function inlayHints(
  reading: Reading,
  document: TextDocument,
  range: Range,
  watch: Watch,
): Promise<InlayHint[]> {
  if (!reading.settings.inlayHints) return [];
  const question = await reading.featureQuestion();
  const [from, to] = offsetsOf(document, range);
  const segments = segmentsWithin(reading.segmentsOf(document), from, to);
  const activations = await reading.activations(segments, question, watch);
  const chosen = strongestOfLines(
    document,
    activations.filter(({ start, end }) => start >= from && end <= to),
  );
  const hints: (InlayHint | null)[] = [];
  for (let first = 0; first < chosen.length; first += PARALLEL_TOKENS) {
    watch.check();
    const part = chosen.slice(first, first + PARALLEL_TOKENS);
    hints.push(
      ...(await Promise.all(
        part.map(async ({ start, end }): Promise<InlayHint | null> => {
          const found = await reading.tokenAt(document, start, watch.signal);
          const feature = found === null ? null : namedFeature(found.token.reading.features, question.measure);
          if (feature === null) return null;
          return {
            position: document.positionAt(end),
            label: featureText(feature, MAX_HINT_LABEL_LENGTH),
            paddingLeft: true,
          };
        }),
      )),
    );
  }
  return hints.filter((hint) => hint !== null);
}

/** In document order. */
function strongestOfLines(document: TextDocument, activations: readonly Activation[]): readonly Activation[] {
  const text = document.getText();
  const lines = new Map<number, Activation>();
  for (const activation of activations) {
    if (!(activation.value > 0) || text.slice(activation.start, activation.end).trim() === '') continue;
    const { line } = document.positionAt(activation.start);
    const known = lines.get(line);
    if (known === undefined || activation.value > known.value) lines.set(line, activation);
  }
  return [...lines.values()]
    .sort((a, b) => b.value - a.value)
    .slice(0, MAX_HINTS)
    .sort((a, b) => a.start - b.start);
}

/** The tokens within 50,000 UTF-16 units of the cursor where the token's strongest feature fires, the token among them. */
export async function highlights(
  reading: Reading,
  document: TextDocument,
  position: Position,
  watch: Watch,
): Promise<DocumentHighlight[] | null> {
  const offset = document.offsetAt(position);
  const { measure } = await reading.featureQuestion();
  const found = await reading.tokenAt(document, offset, watch.signal);
  const feature = found === null ? null : namedFeature(found.token.reading.features, measure);
  if (feature === null) return null;
  const question = await reading.question({ kind: 'features', features: [feature.feature] });
  const all = reading.segmentsOf(document);
  const near = segmentsWithin(all, offset - HIGHLIGHT_LENGTH, offset + HIGHLIGHT_LENGTH);
  const activations = await reading.activations(near, question, watch);
  return activations
    .filter(({ value }) => value > 0)
    .slice(0, MAX_HIGHLIGHTS)
    .map(({ start, end }) => ({
      range: { start: document.positionAt(start), end: document.positionAt(end) },
      kind: DocumentHighlightKind.Text,
    }));
}
