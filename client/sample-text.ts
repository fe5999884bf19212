import * as vscode from 'vscode';
import { command } from './commands/command.ts';
import type { Highlights } from './decorations/highlights.ts';
import type { Studio } from './studio.ts';

const SCHEME = 'ssae-sample';
const URI = vscode.Uri.from({ scheme: SCHEME, path: '/entropy.txt' });

/** Written for this product: a rare concept among common ones, so that there is something to see and to mark. */
const TEXT = `Heat flows from the hot stone into the cold water, and never back by itself.
The entropy of the stone falls by Q/T, the entropy of the water rises by more, and their sum grows.
A gas that fills its vessel has more microstates than one that is kept in a corner; Boltzmann counted them, S = k ln W.
At absolute zero a perfect crystal has a single ground state, so its entropy vanishes.

The train to the coast left at seven. She read the newspaper, drank a cup of coffee, and watched the fields go by.
Her brother had promised to meet her at the station, as he did every summer.

A quark is never seen alone: gluons bind it to others, and a proton holds three.
Photons that leave a hot gas carry momentum away, and the spectrum tells how fast its atoms move.
`;

/** `ssae.openSample`: a short text to try things on. `ssae.seeFeatures`: highlights on, on the sample where nothing is open. */
export function registerSampleText({ log }: Studio, highlights: Highlights): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, { provideTextDocumentContent: () => TEXT }),
    command(log, 'ssae.openSample', openSample),
    command(log, 'ssae.seeFeatures', async () => {
      if (vscode.window.activeTextEditor === undefined) await openSample();
      await highlights.toggle(true);
    }),
    command(log, 'ssae.getStarted', () =>
      vscode.commands.executeCommand('workbench.action.openWalkthrough', 'ssae-studio.ssae-studio#ssae.start', false),
    ),
  );
}

async function openSample(): Promise<void> {
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(URI));
}
