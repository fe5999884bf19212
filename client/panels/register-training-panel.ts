import * as vscode from 'vscode';
import { command } from '../commands/command.ts';
import type { Studio } from '../studio.ts';
import type { TrainingPanel } from './training-panel.ts';
import { webviewOptions } from './webview-page.ts';

const TYPE = 'ssae.training';

/** `ssae.showTraining`, with `{ job }` to show that run too. One panel shows all runs. */
export function registerTrainingPanel(studio: Studio): void {
  const options = webviewOptions(studio.context.extensionUri);
  let open: TrainingPanel | null = null;
  const adopt = async (panel: vscode.WebviewPanel, job: string | null): Promise<void> => {
    const { TrainingPanel } = await import('./training-panel.ts');
    const adopted = new TrainingPanel(studio, panel, job);
    open = adopted;
    panel.onDidDispose(() => {
      adopted.dispose();
      if (open === adopted) open = null;
    });
  };
  studio.context.subscriptions.push(
    vscode.window.registerWebviewPanelSerializer(TYPE, {
      deserializeWebviewPanel: async (panel) => {
        panel.webview.options = options;
        await adopt(panel, null);
      },
    }),
    command(studio.log, 'ssae.showTraining', async (given?: { readonly job?: string }) => {
      const job = typeof given?.job === 'string' ? given.job : null;
      if (open === null) {
        await adopt(vscode.window.createWebviewPanel(TYPE, '', vscode.ViewColumn.Active, options), job);
        return;
      }
      open.panel.reveal();
      if (job !== null) open.show(job);
    }),
  );
}
