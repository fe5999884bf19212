import { describe, expect, it } from 'vitest';
import type { ReportData } from '../../server/protocol/report.ts';
import { reportPage } from '../../server/services/report-page.ts';
import { reportDataIn } from './report-file.ts';

const report: ReportData = {
  ...{ title: '</script> & "quoted"', verdict: ['a < b'], notes: [], provenance: [], retrieval: [] },
  ...{ dictionaries: [], training: [], coverage: [], painted: null, seeds: [], hits: [] },
};

describe('the file of a report', () => {
  it('gives back what it was written from', async () => {
    expect(reportDataIn(await reportPage(report))).toEqual(report);
  });

  it('is told from other pages', () => {
    const page = (json: string): string => `<script type="application/json" id="report">${json}</script>`;
    expect(reportDataIn('<html><body>A page.</body></html>')).toBeNull();
    expect(reportDataIn(page('{"title": 1}'))).toBeNull();
    expect(reportDataIn(page('{'))).toBeNull();
    expect(reportDataIn(page(JSON.stringify({ ...report, hits: null })))).toBeNull();
  });
});
