import type { JobControl } from '../../foundation/progress.ts';
import type { ReportedHit, ReportedRetrieval } from '../../protocol/report.ts';
import { RetrieveRequest } from '../../protocol/requests.ts';
import { ARMS, type Arm } from '../../retrieve/selection.ts';
import { countLabels, reportedHits, reportedRetrieval } from '../reporting/reported-retrieval.ts';
import type { Resources } from '../resources.ts';
import { retrieveSelection } from '../retrieval.ts';
import { CORPORA, DOMAIN_LABEL } from './demo-corpora.ts';
import { SIZES } from './subject.ts';

export interface DemoRetrieval {
  readonly rows: readonly ReportedRetrieval[];
  readonly hits: readonly ReportedHit[];
  /** Passages of the searched corpus that carry the domain's label. */
  readonly labelled: number;
}

export const SEED_SET = 'demo-seeds';
export function selectionName(arm: Arm): string {
  return arm.replace('+', '-');
}

/** Every arm under the same budget, against the labels. Seeds are not drawn from the corpus and have no label. */
export async function retrieveWithEveryArm(
  seed: number,
  resources: Resources,
  control: (stage: string) => JobControl,
): Promise<DemoRetrieval> {
  const truth = await countLabels(await (await resources.corpora()).corpus(CORPORA.pool), DOMAIN_LABEL);
  const rows: ReportedRetrieval[] = [];
  const hits: ReportedHit[] = [];
  for (const arm of ARMS) {
    const request = RetrieveRequest.parse({
      ...{ arm, seed, seeds: SEED_SET, corpus: CORPORA.pool, tokens: SIZES.selectionTokens },
      ...{ candidates: SIZES.candidates, output: selectionName(arm) },
      dictionary: arm.endsWith('+tracin') ? 'builtin-gsae' : null,
    });
    const { selection } = await retrieveSelection(request, resources, control(`retrieve by ${arm}`));
    if (arm !== 'seeds') rows.push(reportedRetrieval(arm, selection, truth));
    if (arm !== 'random' && arm !== 'seeds') hits.push(...reportedHits(arm, selection, truth));
  }
  return { rows, hits, labelled: truth.labelled };
}
