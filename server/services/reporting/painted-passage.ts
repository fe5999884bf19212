import type { SparseFeatures } from '../../compute/engine.ts';
import { throwIfStopped, type JobControl } from '../../foundation/progress.ts';
import { intensity } from '../../text/intensity.ts';
import { sequencesOfText } from '../../model/sequences.ts';
import type { PaintedToken, ReportedPassage } from '../../protocol/report.ts';
import type { Corpus } from '../../corpus/corpus.ts';
import type { InspectableDictionary, Resources } from '../resources.ts';

const GENERAL_PASSAGES = 120;
const FEATURES_SHOWN = 3;
const PAINTED_FEATURES = 24;

interface TextFeatures {
  readonly features: SparseFeatures;
  /** Texts of the tokens, special ones left out. */
  readonly tokens: readonly string[];
}

async function readText(text: string, { model, hookPoint, engine }: InspectableDictionary): Promise<TextFeatures> {
  const encoding = model.encode(text);
  const [sequence] = sequencesOfText(encoding, model.description.contextLength);
  const [activations] = await model.activations(hookPoint, [sequence!.ids]);
  const features = await engine.encode(activations!.subarray(sequence!.prefix * model.description.dModel));
  const tokens = Array.from(sequence!.ids.subarray(sequence!.prefix), (_, i) =>
    text.slice(encoding.starts[sequence!.prefix + i], encoding.ends[sequence!.prefix + i]),
  );
  return { features, tokens };
}

/** Share of tokens on which each feature fires. */
async function firingRates(texts: readonly string[], dictionary: InspectableDictionary): Promise<Float64Array> {
  const rates = new Float64Array(dictionary.dictionary.shape.dSae);
  let tokens = 0;
  for (const text of texts) {
    const { features } = await readText(text, dictionary);
    for (const feature of features.features) rates[feature]!++;
    tokens += features.offsets.length - 1;
  }
  return rates.map((count) => count / tokens);
}

/** A feature that fires more often than this on general text is not a rare one. */
const RARE_RATE = 0.02;

/** Rare features that fire most on the seeds: by rate times log odds against general text, a token in a thousand added to both rates. */
async function domainFeatures(
  seeds: readonly string[],
  general: readonly string[],
  dictionary: InspectableDictionary,
): Promise<Set<number>> {
  const inside = await firingRates(seeds, dictionary);
  const outside = await firingRates(general, dictionary);
  const floor = 1e-3;
  const contrast = inside.map((rate, i) => rate * Math.log((rate + floor) / (outside[i]! + floor)));
  const rare = [...contrast.keys()].filter((feature) => outside[feature]! <= RARE_RATE);
  rare.sort((a, b) => contrast[b]! - contrast[a]! || a - b);
  return new Set(rare.slice(0, PAINTED_FEATURES));
}

function paint({ features, tokens }: TextFeatures, chosen: ReadonlySet<number>): Omit<PaintedToken, 'intensity'>[] {
  return tokens.map((text, token) => {
    const firing = [];
    for (let at = features.offsets[token]!; at < features.offsets[token + 1]!; at++)
      if (chosen.has(features.features[at]!))
        firing.push({ feature: features.features[at]!, activation: features.values[at]! });
    firing.sort((a, b) => b.activation - a.activation);
    const activation = firing.reduce((sum, one) => sum + one.activation, 0);
    return { text, activation, features: firing.slice(0, FEATURES_SHOWN) };
  });
}

/** What is painted, and what its features are chosen by. */
export interface Painting {
  /** Names or folders of dictionaries, each with what to call it. */
  readonly dictionaries: readonly { readonly name: string; readonly reference: string }[];
  readonly text: string;
  readonly seeds: readonly string[];
  /** Text on which a rare feature seldom fires. */
  readonly general: readonly string[];
}

/** The passage that shows most: the longest that fits a few lines. Null where none does. */
export function passageToPaint(texts: Iterable<string>): string | null {
  let longest = '';
  for (const text of texts) if (text.length > longest.length && text.length < 420) longest = text;
  return longest === '' ? null : longest;
}

/** Some passages of a corpus, to compare a domain with. */
export async function generalTexts(corpus: Corpus): Promise<string[]> {
  const { ids } = await corpus.index();
  return (await corpus.byIds(ids.slice(0, GENERAL_PASSAGES))).map(({ text }) => text);
}

/** One held-out passage as every dictionary sees it: the activity of the features that each has for the domain. */
export async function paintPassage(
  { dictionaries, text, seeds, general }: Painting,
  resources: Resources,
  control: JobControl,
): Promise<ReportedPassage> {
  const readings: { name: string; tokens: Omit<PaintedToken, 'intensity'>[] }[] = [];
  for (const [done, { name, reference }] of dictionaries.entries()) {
    throwIfStopped(control);
    control.report({ stage: 'painting', done, total: dictionaries.length, unit: 'dictionaries' });
    const dictionary = await resources.inspectable(reference);
    const chosen = await domainFeatures(seeds, general, dictionary);
    readings.push({ name, tokens: paint(await readText(text, dictionary), chosen) });
  }
  const maximum = Math.max(...readings.flatMap(({ tokens }) => tokens.map(({ activation }) => activation)));
  return {
    description: `A held-out passage. Painted: summed activation of the ${PAINTED_FEATURES} rare features of each dictionary (on at most 2 % of general tokens) that fire most on the seeds, one scale for all.`,
    readings: readings.map(({ name, tokens }) => ({
      name,
      tokens: tokens.map((token) => ({
        ...token,
        intensity: intensity(token.activation, { maximum, kind: 'linear' }),
      })),
    })),
  };
}
