import type { EngineDictionary } from '../compute/engine.ts';
import type { Passage } from '../corpus/passage.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import type { LanguageModel } from '../model/language-model.ts';
import { sequencesOfText } from '../model/sequences.ts';
import { compareScored, type ScoredId } from './ranking.ts';
import type { SeedText } from './selection.ts';
import { SeedGradient, type GradientDictionary, type TracInSettings } from './tracin.ts';

/** The model whose activations are scored, and the dictionary whose loss is differentiated. */
export interface TracInParts {
  readonly model: Pick<LanguageModel, 'encode' | 'activations' | 'description'>;
  readonly hookPoint: string;
  readonly dictionary: GradientDictionary;
  /** The same dictionary in an engine's memory. */
  readonly engine: Pick<EngineDictionary, 'encode'>;
}

/**
 * The ranking score of the tracin arms is the mean over a passage's tokens of the dot product of the token's gradient with the
 * seeds' mean gradient. A sum prefers long passages; a cosine a token (`unitTokens`) was behind the mean where we compared: token
 * precision of 2,000 tokens chosen from 8,000 for 20 physics seeds in WordNet, two draws of seeds, one TopK dictionary on
 * blocks.2 of the built-in model, candidates by bm25 / dense: first stage 0.50 / 0.53, sum 0.70 / 0.68, cosine 0.72 / 0.68, mean
 * 0.75 / 0.71; W_dec alone 0.75 / 0.70. Two draws of one topic: enough to choose by, not a result.
 */
export const RANKING_SETTINGS: TracInSettings = { sparsityCoefficient: 0, unitTokens: false, parameters: 'all' };

/** Sequences run through the model at a time. */
const SEQUENCES_PER_CALL = 32;

/** Reranks passages by TracIn: how much a training step on the passage would lower the seeds' loss. */
export class TracInScorer {
  readonly #parts: TracInParts;
  readonly #gradient: SeedGradient;

  private constructor(parts: TracInParts, gradient: SeedGradient) {
    this.#parts = parts;
    this.#gradient = gradient;
  }

  /** Takes the seeds' gradients; every seed counts the same. */
  static async fromSeeds(seeds: readonly SeedText[], parts: TracInParts, control: JobControl): Promise<TracInScorer> {
    const scorer = new TracInScorer(parts, new SeedGradient(parts.dictionary, RANKING_SETTINGS));
    for (const [done, { text }] of seeds.entries()) {
      throwIfStopped(control);
      control.report({ stage: 'gradients of the seeds', done, total: seeds.length, unit: 'seeds' });
      const [rows] = await scorer.#activations([text], control);
      const tokens = rows!.length / parts.dictionary.shape.dIn;
      scorer.#gradient.add(rows!, await parts.engine.encode(rows!), 1 / tokens);
    }
    return scorer;
  }

  /** @returns the passages by falling score; see {@link RANKING_SETTINGS} */
  async rank(passages: readonly Passage[], control: JobControl): Promise<ScoredId[]> {
    const scored: ScoredId[] = [];
    for (let first = 0; first < passages.length; first += SEQUENCES_PER_CALL) {
      throwIfStopped(control);
      control.report({ stage: 'scoring passages by TracIn', done: first, total: passages.length, unit: 'passages' });
      const batch = passages.slice(first, first + SEQUENCES_PER_CALL);
      const rows = await this.#activations(
        batch.map(({ text }) => text),
        control,
      );
      for (const [i, { id }] of batch.entries()) {
        const scores = this.#gradient.score(rows[i]!, await this.#parts.engine.encode(rows[i]!));
        scored.push({ id, score: scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length) });
      }
    }
    return scored.sort(compareScored);
  }

  /** @returns for each text its tokens' activations [tokens, d_in], special tokens left out */
  async #activations(texts: readonly string[], control: JobControl): Promise<Float32Array[]> {
    const { model, hookPoint, dictionary } = this.#parts;
    const runs = texts.map((text) => sequencesOfText(model.encode(text), model.description.contextLength));
    const all = runs.flat().map(({ ids }) => ids);
    const results = all.length === 0 ? [] : await model.activations(hookPoint, all, control.signal);
    let next = 0;
    return runs.map((sequences) => {
      const own = sequences.map(({ prefix }) => results[next++]!.subarray(prefix * dictionary.shape.dIn));
      const joined = new Float32Array(own.reduce((length, rows) => length + rows.length, 0));
      own.reduce((offset, rows) => (joined.set(rows, offset), offset + rows.length), 0);
      return joined;
    });
  }
}
