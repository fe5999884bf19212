import * as vscode from 'vscode';
import { pageWithData, webviewOptions } from '../panels/webview-page.ts';
import type { Studio } from '../studio.ts';
import { MAX_REPORT_BYTES, reportDataIn } from './report-file.ts';

export const REPORT_PANEL = 'ssae.report';

/** Reports that are open, a panel each. The page is drawn by the same bundle as the HTML file, from that file's data. */
export class ReportPanels implements vscode.WebviewPanelSerializer {
  readonly #studio: Studio;
  readonly #open = new Map<string, vscode.WebviewPanel>();

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  /** @param file the report's HTML file. @throws when it cannot be read or is no report */
  async show(file: vscode.Uri): Promise<void> {
    const open = this.#open.get(file.toString());
    if (open !== undefined) {
      await this.#draw(open, file);
      open.reveal();
      return;
    }
    const options = webviewOptions(this.#studio.context.extensionUri);
    // Read first: a panel that stays empty helps nobody.
    const data = await readReport(file);
    const panel = vscode.window.createWebviewPanel(REPORT_PANEL, data.title, vscode.ViewColumn.Active, {
      ...options,
      enableFindWidget: true,
    });
    await this.#adopt(panel, file);
  }

  /** The file of the report that is looked at; null where none is. */
  get active(): vscode.Uri | null {
    const found = [...this.#open].find(([, { active }]) => active);
    return found === undefined ? null : vscode.Uri.parse(found[0], true);
  }

  /** A report that was open before the window was loaded again. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const file = typeof state === 'object' && state !== null && 'file' in state ? state.file : null;
    if (typeof file !== 'string') {
      panel.dispose();
      return;
    }
    panel.webview.options = webviewOptions(this.#studio.context.extensionUri);
    try {
      await this.#adopt(panel, vscode.Uri.parse(file, true));
    } catch (error) {
      this.#studio.log.warn(error instanceof Error ? error.message : String(error));
      panel.dispose();
    }
  }

  async #adopt(panel: vscode.WebviewPanel, file: vscode.Uri): Promise<void> {
    await this.#draw(panel, file);
    this.#open.set(file.toString(), panel);
    panel.onDidDispose(() => this.#open.delete(file.toString()));
  }

  async #draw(panel: vscode.WebviewPanel, file: vscode.Uri): Promise<void> {
    const report = await readReport(file);
    const data = { report, 'panel-state': { file: file.toString() } };
    panel.title = report.title;
    panel.webview.html = pageWithData(panel.webview, this.#studio.context.extensionUri, {
      ...{ name: 'report', title: report.title, data },
    });
  }
}

async function readReport(file: vscode.Uri) {
  const { size } = await vscode.workspace.fs.stat(file);
  const html = size > MAX_REPORT_BYTES ? '' : new TextDecoder().decode(await vscode.workspace.fs.readFile(file));
  const data = reportDataIn(html);
  if (data === null) throw new Error(vscode.l10n.t('{0} is no report of SSAE Studio.', file.fsPath));
  return data;
}
