import type { JobProgress } from '../../server/protocol/jobs.ts';

/** An experiment's stage: "2/14 retrieve bm25: reading passages". */
const STAGE = /^(?<place>\d+\/\d+) (?<name>[^:]+)/;

/** How far an experiment is, for a lens: "retrieve bm25 2/14 · 40 %". */
export function experimentProgress({ stage, done, total }: Pick<JobProgress, 'stage' | 'done' | 'total'>): string {
  const { place, name } = STAGE.exec(stage)?.groups ?? {};
  const where = place === undefined || name === undefined ? stage : `${name} ${place}`;
  if (total === null || total <= 0) return where;
  return `${where} · ${Math.floor((100 * Math.min(done, total)) / total)} %`;
}
