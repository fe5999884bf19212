import type { JobControl } from '../foundation/progress.ts';
import { countDensities } from '../inspect/densities.ts';
import type { CountDensitiesRequest } from '../protocol/requests.ts';
import type { CountDensitiesResult } from '../protocol/results.ts';
import type { Resources } from './resources.ts';

/** `ssae dictionary count`: how often each feature fires on a corpus, kept beside the weights. */
export async function countDictionary(
  request: CountDensitiesRequest,
  resources: Resources,
  control: JobControl,
): Promise<CountDensitiesResult> {
  await resources.dictionaries.writable(request.dictionary);
  const inspectable = await resources.inspectable(request.dictionary);
  const corpus = await (await resources.corpora()).corpus(request.corpus);
  const densities = await countDensities(inspectable, corpus, request.tokens, control);
  await resources.dictionaries.setDensities(request.dictionary, densities);
  const sorted = densities.shares.toSorted();
  return {
    ...{ dictionary: inspectable.dictionary.name, corpus: request.corpus, tokens: densities.tokens },
    silent: sorted.filter((share) => share === 0).length,
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
  };
}
