import * as vscode from 'vscode';
import type { ReadOptions, SsaeStudioApi, TextActivations } from './api.ts';
import type { Highlights } from './decorations/highlights.ts';
import type { Studio } from './studio.ts';

/** What other extensions get, see api.ts. */
export function createStudioApi(studio: Studio, highlights: Highlights): SsaeStudioApi {
  const { dictionary } = studio;
  return {
    version: 1,
    get currentDictionary() {
      return dictionary.name;
    },
    onDidChangeDictionary: dictionary.onDidChange,
    readActivations: (text, options) => readActivations(studio, text, options),
    highlight: async (uri) => {
      if (uri !== undefined) await vscode.window.showTextDocument(uri);
      await highlights.toggle(true);
    },
  };
}

async function readActivations(
  { link, dictionary }: Studio,
  text: string,
  options: ReadOptions = {},
): Promise<TextActivations> {
  const { Inspect } = await import('../server/protocol/messages.ts');
  const request = {
    ...{ text, dictionary: options.dictionary ?? dictionary.name, features: [...(options.features ?? [])] },
    ...(options.top !== undefined && { top: options.top }),
  };
  const read = await link.request(Inspect, request, options.token);
  return {
    ...{ model: read.model, hookPoint: read.hookPoint, dictionary: read.dictionary },
    tokens: read.tokens.map(({ text: token, start, end, reconstructionError, features }) => ({
      ...{ text: token, start, end, reconstructionError },
      features: features.map(({ feature, activation, label }) => ({ feature, activation, label })),
    })),
  };
}
