import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { Job, JobResult } from '../../server/protocol/jobs.ts';
import { command } from '../commands/command.ts';
import type { Studio } from '../studio.ts';
import { REPORT_PANEL, ReportPanels } from './report-panels.ts';

/** `ssae.showReport` with `{ report }`, the path of its HTML file, or asking for one; what can be done with the report that is open. */
export function createReports(studio: Studio): vscode.Disposable {
  const { log } = studio;
  const panels = new ReportPanels(studio);
  return vscode.Disposable.from(
    vscode.window.registerWebviewPanelSerializer(REPORT_PANEL, panels),
    command(log, 'ssae.showReport', async (given?: { readonly report?: string }) => {
      const report = typeof given?.report === 'string' ? vscode.Uri.file(given.report) : await pickReport(studio);
      if (report !== null) await panels.show(report);
    }),
    command(log, 'ssae.showJobReport', (job?: Partial<Job>) => showJobReport(studio, panels, job?.id)),
    command(log, 'ssae.openReportInBrowser', async () => {
      if (panels.active !== null) await vscode.env.openExternal(panels.active);
    }),
    command(log, 'ssae.exportReport', async () => {
      if (panels.active !== null) await exportReport(panels.active);
    }),
  );
}

/** The HTML file that a job has written; null where it writes none. */
function reportOf(result: JobResult | null): string | null {
  return result !== null && 'report' in result && typeof result.report === 'string' ? result.report : null;
}

async function showJobReport(studio: Studio, panels: ReportPanels, job: string | undefined): Promise<void> {
  if (typeof job !== 'string') return;
  const report = reportOf((await studio.jobs.show(job)).result);
  if (report === null) void vscode.window.showInformationMessage(vscode.l10n.t('This job has no report yet.'));
  else await panels.show(vscode.Uri.file(report));
}

/** One of the runs that are done, or a file from elsewhere: of `ssae demo`, of another machine. */
async function pickReport({ link }: Studio): Promise<vscode.Uri | null> {
  const { ListRuns } = await import('../../server/protocol/messages.ts');
  const runs = (await link.request(ListRuns, {})).filter(({ state }) => state === 'done');
  const browse = { label: vscode.l10n.t('$(folder-opened) Browse…'), description: 'report.html', folder: null };
  const picked = await vscode.window.showQuickPick(
    [
      ...runs
        .sort((a, b) => (a.started < b.started ? 1 : -1))
        .map(({ run, started, folder, file }) => ({
          ...{ label: run, folder },
          description: `${new Date(started).toLocaleString(vscode.env.language)} · ${basename(file)}`,
        })),
      browse,
    ],
    { placeHolder: vscode.l10n.t('Experiment whose report is shown') },
  );
  if (picked === undefined) return null;
  if (picked.folder !== null) return vscode.Uri.joinPath(vscode.Uri.file(picked.folder), 'report.html');
  const chosen = await vscode.window.showOpenDialog({ filters: { [vscode.l10n.t('Reports')]: ['html'] } });
  return chosen?.[0] ?? null;
}

/** Copies the file that needs nothing beside it, as it is. */
async function exportReport(file: vscode.Uri): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `${basename(dirname(file.fsPath))}.html`;
  const target = await vscode.window.showSaveDialog({
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, name) }),
    filters: { HTML: ['html'] },
    title: vscode.l10n.t('Export Report'),
  });
  if (target === undefined || target.toString() === file.toString()) return;
  await vscode.workspace.fs.copy(file, target, { overwrite: true });
  vscode.window.setStatusBarMessage(vscode.l10n.t('Exported {0}', basename(target.fsPath)), 4000);
}
