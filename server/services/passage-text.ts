import type { Corpus } from '../corpus/corpus.ts';
import { documentKey, type Passage } from '../corpus/passage.ts';
import { UsageError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import { Random } from '../foundation/random.ts';
import type { Resources } from './resources.ts';

/** Passages in a fixed order, read a piece at a time. */
export interface PassageText {
  /** Over the passages and their order. */
  readonly contentHash: string;
  /** Sum of `lengths`. */
  readonly tokens: number;
  /** [passages] in tokens of the corpus's tokenizer; the model's own may count others. */
  readonly lengths: readonly number[];
  /** Passages `first` to `end` − 1, or to the last. */
  passages(first: number, end: number): Promise<readonly Passage[]>;
}

/** Passages that are in memory. */
export function textOfPassages(passages: readonly Passage[]): PassageText {
  const lengths = passages.map(({ tokens }) => tokens);
  return {
    contentHash: sha256(
      passages.map((passage) => `${documentKey(passage.provenance)}\n${passage.contentHash}`).join('\n'),
    ),
    tokens: lengths.reduce((sum, length) => sum + length, 0),
    lengths,
    passages: (first, end) => Promise.resolve(passages.slice(first, end)),
  };
}

/** Passages drawn at random until they hold `tokens` tokens (all where the corpus has no more), in a shuffled order. */
export async function textOfCorpus(corpus: Corpus, tokens: number | null, seed: number): Promise<PassageText> {
  const { ids, tokens: all } = await corpus.index();
  if (ids.length === 0) throw new UsageError(`corpus ${corpus.summary.name} is empty; add text to it first`);
  const order = new Random(seed).shuffle(Uint32Array.from(ids.keys()));
  const [chosen, lengths]: [string[], number[]] = [[], []];
  let sum = 0;
  for (const place of order) {
    if (tokens !== null && sum >= tokens) break;
    chosen.push(ids[place]!);
    lengths.push(all[place]!);
    sum += all[place]!;
  }
  return {
    contentHash: sha256(corpus.summary.contentHash, '\n', chosen.join('\n')),
    ...{ tokens: sum, lengths },
    passages: (first, end) => corpus.byIds(chosen.slice(first, end)),
  };
}

/**
 * The text that a request names.
 * @param tokens wanted of a corpus; null for all
 */
export async function passageText(
  given:
    { readonly kind: 'corpus'; readonly corpus: string } | { readonly kind: 'selection'; readonly selection: string },
  tokens: number | null,
  seed: number,
  resources: Resources,
): Promise<PassageText> {
  if (given.kind === 'corpus')
    return textOfCorpus(await (await resources.corpora()).corpus(given.corpus), tokens, seed);
  const { hits } = await resources.selections.load(given.selection);
  return textOfPassages(hits.map(({ passage }) => passage));
}
