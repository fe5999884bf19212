import type { Evaluation } from '../../evaluate/evaluate.ts';
import type { ReportedCoverage, ReportedSplit } from '../../protocol/report.ts';

type CoverageCurve = Evaluation['curves']['dictionary']['coverage'];

export function reportedSplit(split: 'domain' | 'general', evaluation: Evaluation): ReportedSplit {
  const { n, splitHash, metrics } = evaluation;
  return { split, tokens: n.tokens, documents: n.documents, splitHash, metrics };
}

function curveOf(name: string, points: CoverageCurve): ReportedCoverage {
  return {
    name,
    tokenShare: points.map(({ tokens }) => tokens),
    coveredShare: points.map(({ covered }) => covered),
    normalisedShare: points.map(({ normalised }) => normalised),
  };
}

/** Coverage of the tail by each dictionary, and first by the one before, which all were compared with. */
export function reportedCoverage(
  before: string,
  evaluations: readonly (readonly [name: string, evaluation: Evaluation])[],
): ReportedCoverage[] {
  const baseline = evaluations[0]?.[1].curves.baseline ?? null;
  return [
    ...(baseline === null ? [] : [curveOf(before, baseline.coverage)]),
    ...evaluations.map(([name, { curves }]) => curveOf(name, curves.dictionary.coverage)),
  ];
}
