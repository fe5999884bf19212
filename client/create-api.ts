import * as vscode from 'vscode';
import type { SsaeStudioApi } from './api.ts';
import type { Highlights } from './decorations/highlights.ts';
import type { Studio } from './studio.ts';

export function createApi({ link, dictionary }: Studio, highlights: Highlights): SsaeStudioApi {
  return {
    version: 1,
    get dictionary() {
      return dictionary.name;
    },
    onDidChangeDictionary: dictionary.onDidChange,
    async readActivations(text, options = {}, token) {
      const { Inspect } = await import('../server/protocol/messages.ts');
      const { features = [], top = 5, dictionary: name = dictionary.name } = options;
      const request = { text, dictionary: name, features: [...features], top };
      const { tokens } = await cancellable(link.request(Inspect, request, token), token);
      return tokens.map(({ text: written, start, end, reconstructionError, features: firing }) => ({
        ...{ text: written, start, end, reconstructionError, features: firing },
      }));
    },
    async findFeatures(text, against, token) {
      const { ShowTextFeatures } = await import('../server/protocol/messages.ts');
      const request = { dictionary: dictionary.name, text, against: against ?? null };
      return (await cancellable(link.request(ShowTextFeatures, request, token), token)).features;
    },
    highlight: (on) => highlights.toggle(on),
  };
}

/** @throws CancellationError, as the editor's own functions do, where the token was cancelled */
function cancellable<Result>(answer: Promise<Result>, token: vscode.CancellationToken | undefined): Promise<Result> {
  return answer.catch((error: unknown) => {
    throw token?.isCancellationRequested === true ? new vscode.CancellationError() : error;
  });
}
