/** Seeds of a new experiment: a stored set, a file of seeds by its path from the experiment, or a place to write them. */
export type TemplateSeeds =
  | { readonly kind: 'stored' | 'file'; readonly name: string; readonly reference: string }
  | { readonly kind: 'written' };

/** A corpus of a new experiment: one that is stored, or one of the built-in texts, which the experiment makes. */
export type TemplateCorpus =
  { readonly kind: 'stored'; readonly name: string } | { readonly kind: 'builtin'; readonly name: string };

export interface TemplateAnswers {
  readonly dictionary: string;
  readonly seeds: TemplateSeeds;
  readonly corpus: TemplateCorpus;
  /** Held-out text of the domain. */
  readonly domain: TemplateCorpus;
  readonly tokens: number;
}

/** Name of the concept: of the seed set, as a key of the file may be. */
export function conceptOf(seeds: TemplateSeeds): string {
  const name = seeds.kind === 'written' ? '' : seeds.name.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 30);
  return name.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9_-]+$/g, '') || 'concept';
}

/** The text of a new experiment: every part that people change, with what they chose and the defaults of the rest. */
export function experimentTemplate({ dictionary, seeds, corpus, domain, tokens }: TemplateAnswers): string {
  const concept = conceptOf(seeds);
  const made = [corpus, domain].filter(({ kind }) => kind === 'builtin').map(({ name }) => name);
  const corpora = Object.fromEntries(made.map((name) => [name, builtin(name)]));
  const experiment = {
    title: concept === 'concept' ? 'A dictionary specialised to a concept' : `A dictionary specialised to ${concept}`,
    dictionary,
    ...(made.length === 0 ? {} : { corpora }),
    corpus: corpus.name,
    seeds: { [concept]: seedsOf(seeds) },
    arms: ['dense+tracin', 'bm25'],
    selection: { tokens },
    objectives: [{ kind: 'erm' }, { kind: 'term', tau: 0.5 }],
    evaluation: { domain: { corpus: domain.name, tokens: 20_000 } },
  };
  return `${JSON.stringify(experiment, null, 2)}\n`;
}

/** Glosses are a document each; books are cut into windows. */
function builtin(name: string): object {
  return { sources: [`builtin:${name}`], ...(name === 'wordnet' ? { unit: 'document' } : {}) };
}

function seedsOf(seeds: TemplateSeeds): object {
  return seeds.kind === 'written'
    ? { texts: ['Replace this by a few texts that show the rare concept.'] }
    : { stored: seeds.reference };
}
