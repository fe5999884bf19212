import type { ReportedHit, ReportedRetrieval } from '../../protocol/report.ts';
import type { Corpus } from '../../corpus/corpus.ts';
import type { Selection } from '../../retrieve/selection.ts';

/** Ground truth for retrieval: passages whose field holds a value, alone or among values with `|` between. */
export interface DomainLabel {
  readonly field: string;
  readonly value: string;
}

export interface LabelledCorpus {
  readonly label: DomainLabel;
  /** Passages that carry the label, of all. */
  readonly labelled: number;
  readonly passages: number;
}

const HITS_SHOWN = 5;

export function carries({ field, value }: DomainLabel, fields: Readonly<Record<string, string>>): boolean {
  return Object.hasOwn(fields, field) && fields[field]!.split('|').includes(value);
}

/** Reads the whole corpus. */
export async function countLabels(corpus: Corpus, label: DomainLabel): Promise<LabelledCorpus> {
  let labelled = 0;
  for await (const { fields } of corpus.passages()) if (carries(label, fields)) labelled++;
  return { label, labelled, passages: corpus.summary.passages };
}

/** 95 % interval of a share by Wilson's score, which holds for small counts too (Wilson 1927). */
export function wilson(successes: number, n: number): { low: number; high: number } {
  if (n === 0) return { low: 0, high: 1 };
  const z = 1.96;
  const share = successes / n;
  const centre = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return { low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}

function precisionOf(
  { hits }: Pick<Selection, 'hits'>,
  truth: LabelledCorpus | null,
): Pick<ReportedRetrieval, 'precision' | 'precisionLow' | 'precisionHigh' | 'baseRate'> {
  if (truth === null) return { precision: null, precisionLow: null, precisionHigh: null, baseRate: null };
  const found = hits.filter(({ passage }) => carries(truth.label, passage.fields)).length;
  const { low, high } = wilson(found, hits.length);
  return {
    ...{ precision: hits.length === 0 ? 0 : found / hits.length, precisionLow: low, precisionHigh: high },
    baseRate: truth.labelled / truth.passages,
  };
}

/** @param arm what to call it; @param truth null where nobody labelled the corpus */
export function reportedRetrieval(
  arm: string,
  selection: Pick<Selection, 'hits' | 'tokens' | 'overlapDropped' | 'seconds'>,
  truth: LabelledCorpus | null,
): ReportedRetrieval {
  const { hits, tokens, overlapDropped, seconds } = selection;
  return { arm, passages: hits.length, tokens, ...precisionOf(selection, truth), seconds, overlapDropped };
}

/** What an arm found first. */
export function reportedHits(
  arm: string,
  { hits }: Pick<Selection, 'hits'>,
  truth: LabelledCorpus | null,
): ReportedHit[] {
  return hits.slice(0, HITS_SHOWN).map(({ score, passage }) => ({
    ...{ arm, score, text: passage.text },
    inDomain: truth === null ? null : carries(truth.label, passage.fields),
  }));
}
