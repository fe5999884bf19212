import type { TextDocument } from 'vscode-languageserver-textdocument';
import { UsageError } from '../foundation/errors.ts';
import { ReadToken, ShowDictionary } from '../protocol/messages.ts';
import type { DictionarySummary } from '../protocol/results.ts';
import type { Measure, ReadTokenResult, TokenFeature } from '../protocol/token-readings.ts';
import { percentText } from '../text/token-text.ts';
import { ActivationReader, type Question, type Watch } from './activation-reader.ts';
import type { Asker } from './daemon-link.ts';
import { type DocumentSegment, offsetOf, placeOf, segmentAt, segmentsOf } from './document-segments.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';

/** How long a dictionary is taken for unchanged, milliseconds. */
const FRESH_MILLISECONDS = 5000;
/** Features of a token that are looked through for the one to name. */
const MAX_FEATURES = 256;

/** A token's number; offsets are UTF-16, into the document. */
export interface Activation {
  readonly start: number;
  readonly end: number;
  readonly value: number;
}

/** A token and what fires on it; offsets are UTF-16, into the document. */
export interface FoundToken {
  readonly start: number;
  readonly end: number;
  readonly token: ReadTokenResult;
}

/** Reads documents as the settings say: by which dictionary, by which measure. */
export class Reading {
  readonly daemon: Asker;
  settings: Settings = DEFAULT_SETTINGS;
  readonly #activations: ActivationReader;
  #dictionary: { readonly name: string; readonly at: number; readonly summary: Promise<DictionarySummary> } | null =
    null;

  constructor(daemon: Asker) {
    this.daemon = daemon;
    this.#activations = new ActivationReader(daemon);
  }

  /** The dictionary of the settings. @throws UsageError where there is none of that name */
  dictionary(): Promise<DictionarySummary> {
    const name = this.settings.dictionary;
    const known = this.#dictionary;
    if (known?.name === name && Date.now() - known.at < FRESH_MILLISECONDS) return known.summary;
    const summary = this.daemon.request(ShowDictionary, { name });
    const asked = { name, at: Date.now(), summary };
    this.#dictionary = asked;
    summary.catch(() => {
      if (this.#dictionary === asked) this.#dictionary = null;
    });
    return summary;
  }

  /** @param measure null for the one of the settings */
  async question(measure: Measure | null = null): Promise<Question> {
    const summary = await this.dictionary();
    const { dictionary, hidden } = this.settings;
    return {
      ...{ dictionary, hidden, contentHash: summary.contentHash },
      measure: measure ?? measureOf(this.settings, summary),
    };
  }

  /** The question whose answer a feature can be named for: of errors, the features that fire there. */
  async featureQuestion(): Promise<Question> {
    const question = await this.question();
    const { kind } = question.measure;
    return kind === 'error' || kind === 'difference' ? { ...question, measure: { kind: 'strongest' } } : question;
  }

  segmentsOf(document: TextDocument): readonly DocumentSegment[] {
    return segmentsOf(document, this.settings['textField.names']);
  }

  /** The tokens of some segments, in their order. */
  async activations(
    segments: readonly DocumentSegment[],
    question: Question,
    watch: Watch,
  ): Promise<readonly Activation[]> {
    const given = segments.map((segment) => segment.given);
    const read = await this.#activations.read(given, question, watch);
    return read.flatMap(({ spans, values }, i) =>
      Array.from(values, (value, token) => ({
        start: placeOf(segments[i]!, spans[2 * token]!),
        end: placeOf(segments[i]!, spans[2 * token + 1]!),
        value,
      })),
    );
  }

  /** The largest value known so far of some segments. */
  strongestKnown(segments: readonly DocumentSegment[], question: Question): number {
    const given = segments.map((segment) => segment.given);
    return this.#activations.strongestKnown(given, question);
  }

  /** The token at a place of a document; null where there is none. */
  async tokenAt(document: TextDocument, place: number, signal: AbortSignal): Promise<FoundToken | null> {
    const segment = segmentAt(this.segmentsOf(document), place);
    if (segment === null) return null;
    const { dictionary, hidden, measure, baseline } = this.settings;
    const token = await this.daemon.request(
      ReadToken,
      {
        ...{ dictionary, hidden: [...hidden], top: MAX_FEATURES },
        ...{ segment: segment.given, offset: offsetOf(segment, place) },
        baseline: measure === 'difference' ? baseline : null,
      },
      signal,
    );
    return token === null ? null : { start: placeOf(segment, token.start), end: placeOf(segment, token.end), token };
  }

  /** What is painted, in a few words. */
  async measureText(): Promise<string> {
    const { measure } = await this.question();
    switch (measure.kind) {
      case 'rare':
        return `features on at most ${percentText(measure.maximumDensity)} of tokens`;
      case 'strongest':
        return this.settings.measure === 'rare' ? 'strongest feature (rarity not counted)' : 'strongest feature';
      case 'features':
        return `features ${measure.features.slice(0, 5).join(', ')}${measure.features.length > 5 ? '…' : ''}`;
      case 'error':
        return 'reconstruction error';
      case 'difference':
        return `error of ${measure.baseline} less that of ${this.settings.dictionary}`;
    }
  }
}

/** @throws UsageError for a difference without a baseline */
function measureOf(settings: Settings, { densityTokens }: DictionarySummary): Measure {
  const { measure, baseline } = settings;
  if (typeof measure === 'object') return { kind: 'features', features: measure.features };
  switch (measure) {
    case 'rare':
      // Nothing is known to be rare where nobody counted.
      return densityTokens === null
        ? { kind: 'strongest' }
        : { kind: 'rare', maximumDensity: settings['rare.maximumDensity'] };
    case 'difference':
      if (baseline === null || baseline === '')
        throw new UsageError('ssae.measure is "difference", and ssae.baseline names no dictionary to compare with');
      return { kind: 'difference', baseline };
    case 'strongest':
    case 'error':
      return { kind: measure };
  }
}

/** The strongest feature that counts in a measure; null where none of those that fire does. Features are sorted by activation. */
export function namedFeature(features: readonly TokenFeature[], measure: Measure): TokenFeature | null {
  switch (measure.kind) {
    case 'rare': {
      // Shares are float32: 0.001 among them is a little more than 0.001.
      const most = Math.fround(measure.maximumDensity);
      return features.find(({ density }) => density !== null && density <= most) ?? null;
    }
    case 'features':
      return features.find(({ feature }) => measure.features.includes(feature)) ?? null;
    case 'strongest':
    case 'error':
    case 'difference':
      return features[0] ?? null;
  }
}
