/** What a feature does to the model's words: a continuation with it added to the residual stream, beside the one without. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { UsageError } from '../foundation/errors.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import { Random } from '../foundation/random.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { SteerRequest, SteerResult } from '../protocol/feature-pages.ts';
import { checkFeature } from './inspect-text.ts';
import { hookPointOf, type InspectedDictionary } from './token-readings.ts';

/** What is added to the residual stream, and where. */
interface Steering {
  readonly hookPoint: string;
  /** [d_model] strength × W_dec[feature] */
  readonly direction: Float32Array;
}

/** A text that grows, as the model reads it: the prompt's special tokens, then as many of the last ordinary ones as the context has room for. */
class Continuation {
  readonly generated: number[] = [];
  readonly #prefix: readonly number[];
  readonly #prompt: readonly number[];
  readonly #room: number;
  #ended = false;

  constructor(prefix: readonly number[], prompt: readonly number[], contextLength: number) {
    this.#prefix = prefix;
    this.#prompt = prompt;
    this.#room = contextLength - prefix.length;
  }

  /** Whether the model has ended the text itself. */
  get ended(): boolean {
    return this.#ended;
  }

  get ids(): Int32Array {
    return Int32Array.from([...this.#prefix, ...[...this.#prompt, ...this.generated].slice(-this.#room)]);
  }

  /** A token that stands at the prompt's head (BOS, which ends texts too where there is one token for both) is not taken. */
  add(token: number): void {
    if (this.#prefix.includes(token)) this.#ended = true;
    else this.generated.push(token);
  }

  /** Decoded with the prompt, because some tokenizers drop the space before a text's first word. */
  text(model: LanguageModel): string {
    const before = model.decode(this.#prompt);
    const whole = model.decode([...this.#prompt, ...this.generated]);
    return whole.startsWith(before) ? whole.slice(before.length) : model.decode(this.generated);
  }
}

function steered(activations: Float32Array, { direction }: Steering, special: number): Float32Array {
  const width = direction.length;
  return activations.map((value, at) => (at < special * width ? value : value + direction[at % width]!));
}

/** Logits [tokens, vocabulary] of two sequences, the second steered after its first `special` tokens. Both run the same way: strength 0 changes no bit. */
async function logitsOf(
  model: LanguageModel,
  sequences: readonly Int32Array[],
  steering: Steering,
  isSteered: readonly boolean[],
  special: number,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const activations = await model.activations(steering.hookPoint, sequences, signal);
  const patched = activations.map((rows, i) => (isSteered[i] === true ? steered(rows, steering, special) : rows));
  return model.logits(sequences, { hookPoint: steering.hookPoint, activations: patched }, signal);
}

/** Probabilities of one position's logits at a temperature above 0, in float64. */
function probabilities(logits: Float32Array, temperature: number): Float64Array {
  const highest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const weights = Float64Array.from(logits, (value) => Math.exp((value - highest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The most likely token (the first of equals) at temperature 0, else a draw. */
function nextToken(logits: Float32Array, temperature: number, random: Random): number {
  if (temperature === 0) return logits.reduce((best, value, token) => (value > logits[best]! ? token : best), 0);
  let left = random.uniform();
  const chances = probabilities(logits, temperature);
  const drawn = chances.findIndex((chance) => (left -= chance) < 0);
  return drawn >= 0 ? drawn : chances.findLastIndex((chance) => chance > 0);
}

/**
 * Mean over positions from `first` on of KL(without ‖ with), nats. Both are logits [tokens, vocabulary]. Between positions others have a
 * turn: with 128,000 token types one takes some 10 ms.
 */
async function meanDivergence(
  without: Float32Array,
  steeredLogits: Float32Array,
  tokens: number,
  first: number,
  control: JobControl,
): Promise<number> {
  const vocabulary = without.length / tokens;
  let sum = 0;
  for (let position = first; position < tokens; position++) {
    await nextTurn();
    throwIfStopped(control);
    const row = (logits: Float32Array): Float32Array =>
      logits.subarray(position * vocabulary, (position + 1) * vocabulary);
    const [p, q] = [probabilities(row(without), 1), probabilities(row(steeredLogits), 1)];
    // A probability that underflows to 0 is taken for the smallest there is, so that the sum stays finite.
    p.forEach((chance, token) => {
      if (chance > 0) sum += chance * Math.log(chance / Math.max(q[token]!, Number.MIN_VALUE));
    });
  }
  return sum / (tokens - first);
}

/**
 * Continues a prompt twice, token by token: as the model would, and with strength × W_dec[feature] added to the residual stream at the
 * dictionary's hook point, at every position of prompt and continuation but the special tokens at the head (BOS). A text longer than the
 * model's context is read by its last tokens, after those special ones. Sampling takes both continuations from the same seed. Each token
 * costs a run of the model over the whole text so far.
 * @throws UsageError for a feature that does not exist, Interrupted between tokens
 */
export async function steer(
  { feature, strength, prompt, tokens, temperature, seed }: SteerRequest,
  { model, dictionary }: Pick<InspectedDictionary, 'model' | 'dictionary'>,
  control: JobControl,
): Promise<SteerResult> {
  const started = performance.now();
  const { dIn, dSae } = dictionary.shape;
  checkFeature(feature, dSae, dictionary.name);
  const direction = dictionary.parameters.decoder.slice(feature * dIn, (feature + 1) * dIn);
  const steering = { hookPoint: hookPointOf(dictionary), direction: direction.map((value) => strength * value) };
  const { ids, special } = model.encode(prompt);
  const firstOrdinary = special.indexOf(0);
  if (firstOrdinary < 0)
    throw new UsageError(`the prompt is ${JSON.stringify(prompt)}, in which the model reads no token`);
  const [prefix, ordinary] = [[...ids.subarray(0, firstOrdinary)], [...ids].filter((_, i) => special[i] !== 1)];
  const texts = [false, true].map((isSteered) => ({
    isSteered,
    continuation: new Continuation(prefix, ordinary, model.description.contextLength),
    random: new Random(seed),
  }));
  let divergence = 0;
  for (let step = 0; step < tokens; step++) {
    throwIfStopped(control);
    const open = texts.filter(({ continuation }) => !continuation.ended);
    if (open.length === 0) break;
    const sequences = open.map(({ continuation }) => continuation.ids);
    const isSteered = open.map((text) => text.isSteered);
    const logits = await logitsOf(model, sequences, steering, isSteered, prefix.length, control.signal);
    if (step === 0)
      divergence = await meanDivergence(logits[0]!, logits[1]!, sequences[0]!.length, prefix.length, control);
    for (const [i, { continuation, random }] of open.entries()) {
      const last = logits[i]!.length - logits[i]!.length / sequences[i]!.length;
      continuation.add(nextToken(logits[i]!.subarray(last), temperature, random));
    }
    control.report({ stage: 'continuing the prompt', done: step + 1, total: tokens, unit: 'tokens' });
  }
  const [without, withFeature] = texts.map(({ continuation }) => continuation.text(model));
  return {
    ...{ dictionary: dictionary.name, feature, strength, prompt },
    ...{ without: without!, with: withFeature!, divergence, seconds: (performance.now() - started) / 1000 },
  };
}
