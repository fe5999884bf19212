import * as vscode from 'vscode';
import { formatOf, offsetIn, textRegions, type TextRegion } from '../../server/text/regions.ts';
import { setting } from '../settings.ts';
import type { FoundSeed } from './found-seed.ts';

/** Schemes of documents that can be found again at their place. */
const LASTING: ReadonlySet<string> = new Set(['file', 'vscode-remote', 'vscode-notebook-cell']);

/** The selected text, one seed a selection; of a corpus file as its records mean it, escapes undone. */
export function selectedSeeds({ document, selections }: vscode.TextEditor): FoundSeed[] {
  return selections.filter(({ isEmpty }) => !isEmpty).flatMap((range) => seedsIn(document, range));
}

export function seedsIn(document: vscode.TextDocument, range: vscode.Range): FoundSeed[] {
  const [start, end] = [document.offsetAt(range.start), document.offsetAt(range.end)];
  return regionsOf(document)
    .filter((region) => region.start < end && region.end > start)
    .map((region) => seedOf(document, region, Math.max(start, region.start), Math.min(end, region.end)))
    .filter(({ text }) => text.trim() !== '');
}

export function seedOf({ uri }: vscode.TextDocument, region: TextRegion, start: number, end: number): FoundSeed {
  const text = region.text.slice(offsetIn(region, start), offsetIn(region, end));
  return { text, from: LASTING.has(uri.scheme) ? { uri, start, end } : null };
}

/** The sentence around a place: a token alone marks nothing that could be searched for. */
export function sentenceAround(document: vscode.TextDocument, range: vscode.Range): vscode.Range {
  const place = document.offsetAt(range.start);
  const region = regionsOf(document).find(({ start, end }) => start <= place && place < end);
  if (region === undefined) return range;
  const line = document.lineAt(range.start.line).range;
  const first = Math.max(region.start, document.offsetAt(line.start));
  const text = document.getText(new vscode.Range(document.positionAt(first), line.end));
  const sentences = new Intl.Segmenter(undefined, { granularity: 'sentence' });
  const around = sentences.segment(text).containing(place - first);
  if (around === undefined) return range;
  const from = first + around.index;
  const to = from + around.segment.trimEnd().length;
  return new vscode.Range(document.positionAt(from), document.positionAt(Math.min(to, region.end)));
}

function regionsOf(document: vscode.TextDocument): TextRegion[] {
  const format = formatOf(document.uri.path, document.languageId);
  return textRegions(document.getText(), format, setting('textField.names', document));
}
