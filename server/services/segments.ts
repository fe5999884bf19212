import { UsageError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import { tokenMeasure } from '../inspect/measure-tokens.ts';
import type { SegmentReader, SegmentReading } from '../inspect/segment-reader.ts';
import type {
  ReadSegmentsRequest,
  ReadSegmentsResult,
  ReadTokenRequest,
  ReadTokenResult,
  TokenReading,
} from '../protocol/token-readings.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import type { InspectableDictionary, Resources } from './resources.ts';

/** @throws UsageError when the two read different places, so that a difference between them means nothing */
async function baselineOf(
  name: string | null,
  inspected: InspectableDictionary,
  resources: Resources,
): Promise<InspectableDictionary | null> {
  if (name === null) return null;
  const baseline = await resources.inspectable(name);
  const [one, other] = [inspected, baseline].map(({ model }) => model.description);
  if (one!.contentHash !== other!.contentHash || baseline.hookPoint !== inspected.hookPoint)
    throw new UsageError(
      `dictionary ${name} reads ${baseline.hookPoint} of model ${other!.name}, dictionary ${inspected.dictionary.name} reads ${inspected.hookPoint} of model ${one!.name}; only dictionaries of the same place can be compared`,
    );
  return baseline;
}

/** The measure of every token of some segments. */
export async function readSegments(
  { dictionary, measure, segments, hidden }: ReadSegmentsRequest,
  reader: SegmentReader,
  resources: Resources,
  control: JobControl,
): Promise<ReadSegmentsResult> {
  const started = performance.now();
  const inspected = await resources.inspectable(dictionary);
  const baseline = await baselineOf(measure.kind === 'difference' ? measure.baseline : null, inspected, resources);
  const measured = tokenMeasure(measure, inspected.dictionary, hidden);
  const readings = await reader.read(segments, inspected, control);
  const others = baseline === null ? null : await reader.read(segments, baseline, control);
  return {
    model: inspected.model.description.name,
    hookPoint: inspected.hookPoint,
    dictionary: inspected.dictionary.name,
    segments: readings.map((reading, i) => ({
      spans: base64(reading.spans),
      values: base64(measured(reading, others?.[i] ?? null)),
    })),
    seconds: (performance.now() - started) / 1000,
  };
}

function base64({ buffer, byteOffset, byteLength }: Uint32Array | Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

/** What fires on the token at a place of a segment; null between tokens, as after the last. */
export async function readToken(
  request: ReadTokenRequest,
  reader: SegmentReader,
  resources: Resources,
  control: JobControl,
): Promise<ReadTokenResult | null> {
  const { segment, offset } = request;
  const inspected = await resources.inspectable(request.dictionary);
  const baseline = await baselineOf(request.baseline, inspected, resources);
  const [reading] = await reader.read([segment], inspected, control);
  const token = tokenAt(reading!, offset);
  if (token === null) return null;
  const other = baseline === null ? null : (await reader.read([segment], baseline, control))[0]!;
  const [start, end] = [reading!.spans[2 * token]!, reading!.spans[2 * token + 1]!];
  return {
    ...{ text: segment.text.slice(start, end), start, end },
    reading: readingOf(reading!, token, inspected.dictionary, request),
    baseline: other === null ? null : readingOf(other, token, baseline!.dictionary, request),
  };
}

function tokenAt({ spans }: SegmentReading, offset: number): number | null {
  for (let token = 0; 2 * token < spans.length; token++)
    if (offset >= spans[2 * token]! && offset < spans[2 * token + 1]!) return token;
  return null;
}

function readingOf(
  { features: { offsets, features, values }, errors }: SegmentReading,
  token: number,
  { name, labels, densities }: Dictionary,
  { top, hidden }: ReadTokenRequest,
): TokenReading {
  const hides = new Set(hidden);
  const firing = [...features.subarray(offsets[token], offsets[token + 1])].map((feature, i) => ({
    ...{ feature, activation: values[offsets[token]! + i]! },
    ...{ label: labels.get(feature) ?? null, density: densities?.shares[feature] ?? null },
  }));
  return {
    ...{ dictionary: name, reconstructionError: errors[token]!, firing: firing.length },
    features: firing
      .filter(({ feature }) => !hides.has(feature))
      .sort((a, b) => b.activation - a.activation || a.feature - b.feature)
      .slice(0, top),
  };
}
