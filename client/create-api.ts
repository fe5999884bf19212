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
      const { tokens } = await link.request(Inspect, { text, dictionary: name, features: [...features], top }, token);
      return tokens.map(({ text: written, start, end, reconstructionError, features: firing }) => ({
        ...{ text: written, start, end, reconstructionError, features: firing },
      }));
    },
    async findFeatures(text, against, token) {
      const { ShowTextFeatures } = await import('../server/protocol/messages.ts');
      const request = { dictionary: dictionary.name, text, against: against ?? null };
      return (await link.request(ShowTextFeatures, request, token)).features;
    },
    highlight: (on) => highlights.toggle(on),
  };
}
