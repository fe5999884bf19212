import type { Passage } from '../corpus/passage.ts';
import type { LanguageModel, TokenSequence } from '../model/language-model.ts';

/** What the model runs at once. */
export interface EvaluationSequence {
  readonly document: string;
  readonly ids: TokenSequence;
  /** [tokens] 1 where the token is special */
  readonly special: Uint8Array;
}

/**
 * A passage's tokens in runs of at most the context's length, each led by the special tokens the text began with; they do not overlap, so that
 * every token counts once.
 */
export function* sequencesOf(passage: Passage, model: LanguageModel): Generator<EvaluationSequence, void, undefined> {
  const { ids, special } = model.encode(passage.text);
  const prefix = special.indexOf(0);
  if (prefix < 0) return;
  const room = Math.max(1, model.description.contextLength - prefix);
  const document = `${passage.provenance.source}\n${passage.provenance.document}`;
  for (let start = prefix; start < ids.length; start += room) {
    const end = Math.min(ids.length, start + room);
    const sequence = new Int32Array(prefix + end - start);
    sequence.set(ids.subarray(0, prefix));
    sequence.set(ids.subarray(start, end), prefix);
    const flags = new Uint8Array(sequence.length).fill(1, 0, prefix);
    flags.set(special.subarray(start, end), prefix);
    yield { document, ids: sequence, special: flags };
  }
}

/** Sequences of many passages in batches of about `tokens` tokens. */
export function* sequenceBatches(
  passages: Iterable<Passage>,
  model: LanguageModel,
  tokens: number,
): Generator<EvaluationSequence[], void, undefined> {
  let batch: EvaluationSequence[] = [];
  let size = 0;
  for (const passage of passages)
    for (const sequence of sequencesOf(passage, model)) {
      batch.push(sequence);
      size += sequence.ids.length;
      if (size < tokens) continue;
      yield batch;
      [batch, size] = [[], 0];
    }
  if (batch.length > 0) yield batch;
}
