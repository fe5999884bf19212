import { dirname, resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import { UsageError } from '../../foundation/errors.ts';
import { readJson, writeFileAtomic } from '../../foundation/files.ts';
import type { Home } from '../../foundation/home.ts';
import type { ReportData } from '../../protocol/report.ts';
import type { WriteReportRequest, WriteReportResult } from '../../protocol/runs.ts';
import { reportPage } from '../report-page.ts';
import { findRun, REPORT, REPORT_DATA } from './run-folder.ts';

/** Draws the report of a finished run anew, with this version's page. @throws UsageError when the place cannot be written to */
export async function writeReport({ run, output }: WriteReportRequest, home: Home): Promise<WriteReportResult> {
  const folder = await findRun(home, run);
  await folder.manifest();
  const report = output === null ? folder.at(REPORT) : resolve(output);
  const place = await stat(report).catch(() => null);
  if (place?.isDirectory() === true)
    throw new UsageError(`the report's place ${report} is a folder in ${dirname(report)}; expected a file, NAME.html`);
  await writeFileAtomic(report, await reportPage((await readJson(folder.at(REPORT_DATA))) as ReportData));
  return { run: folder.reference, report };
}
