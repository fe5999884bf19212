import type { CodeLens } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { z } from 'zod';
import { featureText } from '../text/token-text.ts';
import type { Watch } from './activation-reader.ts';
import { COMMAND } from './command-names.ts';
import { type DocumentSegment, hasRecords } from './document-segments.ts';
import { namedFeature, type Reading } from './reading.ts';

/** Records of one document that get a lens. */
const MAX_RECORDS = 200;
const MAX_LABEL_LENGTH = 60;

/** What a record's lens carries until it is resolved. */
export const RecordLens = z.object({
  uri: z.string().max(65_536),
  version: z.number(),
  /** UTF-16 offset in the document of the record's text. */
  start: z.int().min(0),
});
export type RecordLens = z.infer<typeof RecordLens>;

/** One on the first line that says what is painted; one on each of the first 200 records, not resolved yet. */
export async function codeLenses(reading: Reading, document: TextDocument): Promise<CodeLens[]> {
  if (!reading.settings.codeLens) return [];
  const { model, name } = await reading.dictionary();
  const first: CodeLens = {
    range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
    command: {
      title: `${model ?? 'no model'} · ${name} · ${await reading.measureText()}`,
      command: COMMAND.chooseDictionary,
      arguments: [],
    },
  };
  if (!hasRecords(document)) return [first];
  const records = reading
    .segmentsOf(document)
    .filter(({ at }) => at === 0)
    .slice(0, MAX_RECORDS);
  return [first, ...records.map(({ start }) => unresolved(document, start))];
}

function unresolved(document: TextDocument, start: number): CodeLens {
  const { line } = document.positionAt(start);
  const place = { line, character: 0 };
  const data: RecordLens = { uri: document.uri, version: document.version, start };
  return { range: { start: place, end: place }, data };
}

/** The feature of the record's strongest token, to be painted by a click. */
export async function resolveLens(
  reading: Reading,
  document: TextDocument,
  lens: CodeLens,
  { start }: RecordLens,
  watch: Watch,
): Promise<CodeLens> {
  const isOfRecord = ({ region }: DocumentSegment): boolean => region.start === start;
  const segments = reading.segmentsOf(document).filter(isOfRecord);
  const question = await reading.featureQuestion();
  const activations = await reading.activations(segments, question, watch);
  const strongest = activations.reduce((best, each) => (each.value > best.value ? each : best), {
    ...{ start, end: start, value: 0 },
  });
  const found = strongest.value > 0 ? await reading.tokenAt(document, strongest.start, watch.signal) : null;
  const feature = found === null ? null : namedFeature(found.token.reading.features, question.measure);
  if (found === null || feature === null)
    return { ...lens, command: { title: 'no such feature fires', command: COMMAND.chooseDictionary, arguments: [] } };
  const title = `${featureText(feature, MAX_LABEL_LENGTH)} on ${JSON.stringify(found.token.text)}`;
  const measure = { features: [feature.feature] };
  return { ...lens, command: { title, command: COMMAND.useMeasure, arguments: [{ measure }] } };
}
