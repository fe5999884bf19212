import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkError } from '../../foundation/errors.ts';
import { writeFileAtomic } from '../../foundation/files.ts';
import { sha256 } from '../../foundation/hash.ts';
import type { JobControl } from '../../foundation/progress.ts';
import { ingest } from '../../corpus/ingest.ts';
import { sampleCorpora } from '../../corpus/sample-corpora.ts';
import { BUILTIN_MODEL } from '../../model/model-store.ts';
import { IngestRequest } from '../../protocol/requests.ts';
import { carries, type DomainLabel } from '../reporting/reported-retrieval.ts';
import type { Resources } from '../resources.ts';
import { SIZES, SUBJECT } from './subject.ts';

/** Corpora of the demo: what is searched, and what is only measured on. */
export const CORPORA = { pool: 'glosses', domain: 'held-out-domain', general: 'held-out-general' } as const;

interface Gloss {
  readonly id: string;
  readonly text: string;
  readonly domains: string;
}

/** WordNet's own topic labels. */
export const DOMAIN_LABEL: DomainLabel = { field: 'domains', value: SUBJECT.domain };

/** Half of the labelled glosses, chosen by their hash, are never searched; so are some of the others. */
function splitGlosses(): Record<keyof typeof CORPORA, Gloss[]> {
  const wordnet = sampleCorpora.find(({ name }) => name === 'wordnet');
  if (wordnet === undefined) throw new WorkError('the built-in corpus wordnet is missing from this installation');
  const split: Record<keyof typeof CORPORA, Gloss[]> = { pool: [], domain: [], general: [] };
  for (const { document, text, fields } of wordnet.records()) {
    const gloss = { id: document, text, domains: fields['domains'] ?? '' };
    const chance = parseInt(sha256(text).slice(0, 8), 16) / 2 ** 32;
    if (carries(DOMAIN_LABEL, { domains: gloss.domains })) split[chance < 0.5 ? 'domain' : 'pool'].push(gloss);
    else split[chance < SIZES.generalGlosses / 117_000 ? 'general' : 'pool'].push(gloss);
  }
  return split;
}

/** Writes the split as files, as a user would have them, and adds them as corpora. Ingest passes over what an earlier run finished. */
export async function makeCorpora(folder: string, resources: Resources, control: JobControl): Promise<void> {
  const store = await resources.corpora();
  const split = splitGlosses();
  await mkdir(folder, { recursive: true });
  const [tokenizer, embedder] = await Promise.all([resources.model(BUILTIN_MODEL), resources.encoder()]);
  for (const part of ['domain', 'general', 'pool'] as const) {
    const file = join(folder, `${CORPORA[part]}.jsonl`);
    await writeFileAtomic(file, split[part].map((gloss) => `${JSON.stringify(gloss)}\n`).join(''));
    const request = IngestRequest.parse({
      ...{ corpus: CORPORA[part], unit: 'document', idField: 'id' },
      sources: [file],
    });
    await ingest(request, { store, tokenizer, embedder: part === 'pool' ? embedder : null }, control);
  }
  const prose = IngestRequest.parse({ corpus: CORPORA.general, sources: ['builtin:moby-dick'], unit: 'window' });
  await ingest(prose, { store, tokenizer, embedder: null }, control);
}
