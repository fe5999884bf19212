import type { JobControl } from '../../foundation/progress.ts';
import type { ReportedHit, ReportedRetrieval } from '../../protocol/report.ts';
import { RetrieveRequest } from '../../protocol/requests.ts';
import { ARMS, type Arm, type Selection } from '../../retrieve/selection.ts';
import type { Resources } from '../resources.ts';
import { retrieveSelection } from '../retrieval.ts';
import { CORPORA, isOfDomain } from './demo-corpora.ts';
import { SIZES } from './subject.ts';

export interface DemoRetrieval {
  readonly rows: readonly ReportedRetrieval[];
  readonly hits: readonly ReportedHit[];
  /** Passages of the searched corpus that carry the domain's label. */
  readonly labelled: number;
}

export const SEED_SET = 'demo-seeds';
const HITS_SHOWN = 5;

export function selectionName(arm: Arm): string {
  return arm.replace('+', '-');
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

function rowOf(arm: Arm, selection: Selection, baseRate: number): ReportedRetrieval {
  const found = selection.hits.filter(({ passage }) => isOfDomain(passage.fields['domains'])).length;
  const { low, high } = wilson(found, selection.hits.length);
  return {
    ...{ arm, passages: selection.hits.length, tokens: selection.tokens, baseRate },
    ...{ precision: selection.hits.length === 0 ? 0 : found / selection.hits.length },
    ...{ precisionLow: low, precisionHigh: high },
    ...{ seconds: selection.seconds, overlapDropped: selection.overlapDropped },
  };
}

async function labelledPassages(resources: Resources): Promise<{ labelled: number; passages: number }> {
  const corpus = await (await resources.corpora()).corpus(CORPORA.pool);
  let labelled = 0;
  for await (const passage of corpus.passages()) if (isOfDomain(passage.fields['domains'])) labelled++;
  return { labelled, passages: corpus.summary.passages };
}

/** Every arm under the same budget, against the labels. Seeds are not drawn from the corpus and have no label. */
export async function retrieveWithEveryArm(
  seed: number,
  resources: Resources,
  control: (stage: string) => JobControl,
): Promise<DemoRetrieval> {
  const { labelled, passages } = await labelledPassages(resources);
  const rows: ReportedRetrieval[] = [];
  const hits: ReportedHit[] = [];
  for (const arm of ARMS) {
    const request = RetrieveRequest.parse({
      ...{ arm, seed, seeds: SEED_SET, corpus: CORPORA.pool, tokens: SIZES.selectionTokens },
      ...{ candidates: SIZES.candidates, output: selectionName(arm) },
      dictionary: arm.endsWith('+tracin') ? 'builtin-gsae' : null,
    });
    const { selection } = await retrieveSelection(request, resources, control(`retrieve by ${arm}`));
    if (arm !== 'seeds') rows.push(rowOf(arm, selection, labelled / passages));
    for (const { score, passage } of arm === 'random' || arm === 'seeds' ? [] : selection.hits.slice(0, HITS_SHOWN))
      hits.push({ arm, score, text: passage.text, inDomain: isOfDomain(passage.fields['domains']) });
  }
  return { rows, hits, labelled };
}
