import type { LanguageModel } from '../model/language-model.ts';
import type { Dictionary } from '../sae/dictionary.ts';

export interface LogitEffect {
  readonly token: string;
  /** (W_dec[j] · W_U)[token]: logits a unit of activation adds, the final norm left out. */
  readonly effect: number;
}

export interface LogitEffects {
  /** Falling. */
  readonly top: readonly LogitEffect[];
  /** Rising. */
  readonly bottom: readonly LogitEffect[];
}

/** Tokens that a feature writes for and against most: the direct effect of its decoder row on the logits. */
export async function logitEffects(
  model: LanguageModel,
  { parameters, shape }: Dictionary,
  feature: number,
  count: number,
): Promise<LogitEffects> {
  const direction = parameters.decoder.slice(feature * shape.dIn, (feature + 1) * shape.dIn);
  const effects = await model.unembed(direction);
  const ids = Uint32Array.from(effects.keys()).sort((a, b) => effects[b]! - effects[a]! || a - b);
  const named = (id: number): LogitEffect => ({ token: model.decode([id]), effect: effects[id]! });
  return {
    top: [...ids.subarray(0, count)].map(named),
    bottom: [...ids.subarray(Math.max(0, ids.length - count))].reverse().map(named),
  };
}
