import { documentKey, type Passage } from '../corpus/passage.ts';
import type { LanguageModel, TokenSequence } from '../model/language-model.ts';
import { sequencesOfText } from '../model/sequences.ts';

/** What the model runs at once. */
export interface EvaluationSequence {
  readonly document: string;
  readonly ids: TokenSequence;
  /** [tokens] 1 where the token is special */
  readonly special: Uint8Array;
}

export function* sequencesOf(passage: Passage, model: LanguageModel): Generator<EvaluationSequence, void, undefined> {
  const document = documentKey(passage.provenance);
  for (const { ids, prefix } of sequencesOfText(model.encode(passage.text), model.description.contextLength))
    yield { document, ids, special: new Uint8Array(ids.length).fill(1, 0, prefix) };
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
