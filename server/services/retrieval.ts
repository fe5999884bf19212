import { sha256 } from '../foundation/hash.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { RetrieveRequest } from '../protocol/requests.ts';
import type { RetrieveResult } from '../protocol/results.ts';
import { retrieve } from '../retrieve/retrieve.ts';
import { seedSetHash } from '../retrieve/seed-store.ts';
import type { SeedSet, Selection } from '../retrieve/selection.ts';
import { BUILTIN_MODEL } from '../model/model-store.ts';
import type { Resources } from './resources.ts';

export interface Retrieved {
  readonly selection: Selection;
  readonly seeds: SeedSet;
}

/** Chooses passages, and stores them where the request names a place. */
export async function retrieveSelection(
  request: RetrieveRequest,
  resources: Resources,
  control: JobControl,
): Promise<Retrieved> {
  const seeds = await resources.seeds.show(request.seeds);
  const corpus = await (await resources.corpora()).corpus(request.corpus);
  const inspectable = request.dictionary === null ? null : await resources.inspectable(request.dictionary);
  const embedder = await resources.encoder();
  const tracin = request.arm.endsWith('+tracin') ? inspectable : null;
  const tokenizer = inspectable?.model ?? (await resources.model(BUILTIN_MODEL));
  const selection = await retrieve(request, { corpus, seeds, tokenizer, embedder, tracin }, control);
  if (request.output !== null)
    await resources.selections.save(request.output, selection, {
      config: {
        ...{ arm: request.arm, corpus: request.corpus, seeds: request.seeds, tokens: request.tokens },
        ...{
          candidates: request.candidates,
          seed: request.seed,
          dictionary: tracin === null ? null : request.dictionary,
        },
        ...{ pinned: request.pinned, struck: request.struck },
      },
      inputs: {
        ...{ corpus: corpus.summary.contentHash, seeds: seedSetHash(seeds) },
        embedder: request.arm.startsWith('dense') ? sha256(embedder.contentHash) : null,
        dictionary: tracin?.dictionary.contentHash ?? null,
      },
    });
  return { selection, seeds };
}

export function retrieveResult({ arm, seeds }: RetrieveRequest, selection: Selection): RetrieveResult {
  return {
    ...{ arm, corpus: selection.corpus, seeds, tokens: selection.tokens, passages: selection.hits.length },
    ...{ overlapDropped: selection.overlapDropped, note: selection.note, seconds: selection.seconds },
    hits: selection.hits.map(({ rank, score, passage: { id, text, tokens, provenance } }) => ({
      ...{ rank, score, id, text, tokens },
      source: provenance.source,
    })),
  };
}
