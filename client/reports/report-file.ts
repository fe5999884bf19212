import type { ReportData } from '../../server/protocol/report.ts';

/** A report holds a few plots and tables; what is larger is none. */
export const MAX_REPORT_BYTES = 64 * 2 ** 20;

/** The data that a report's HTML file draws itself from, see `reportPage`; null where the text is no report. */
export function reportDataIn(html: string): ReportData | null {
  const json = /<script type="application\/json" id="report">([^<]*)<\/script>/.exec(html)?.[1];
  if (json === undefined) return null;
  try {
    const value: unknown = JSON.parse(json);
    return isReport(value) ? value : null;
  } catch {
    return null;
  }
}

/** What the page draws; what is in the lists was written by the product. */
const LISTS = [
  ...(['verdict', 'notes', 'provenance', 'retrieval', 'dictionaries'] as const),
  ...(['training', 'coverage', 'seeds', 'hits'] as const),
] satisfies (keyof ReportData)[];

function isReport(value: unknown): value is ReportData {
  if (typeof value !== 'object' || value === null) return false;
  const report = value as Record<string, unknown>;
  return typeof report['title'] === 'string' && LISTS.every((list) => Array.isArray(report[list]));
}
