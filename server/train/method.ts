/** What a run makes of a dictionary that is there already, and what that leaves of it. */
import type { DictionaryParameters, EngineShape } from '../compute/engine.ts';
import { sha256 } from '../foundation/hash.ts';
import type { FinetuneRequest } from '../protocol/requests.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { joinResidual } from './residual-dictionary.ts';
import { chosenLatents, keepOthers } from './trained-latents.ts';

export type Method =
  | { readonly kind: 'new' }
  | { readonly kind: 'finetune'; readonly from: Dictionary }
  /** `chosen` [d_sae]: 1 for features that train; `revives`: they fire on nothing and start anew. */
  | { readonly kind: 'partial'; readonly from: Dictionary; readonly chosen: Uint8Array; readonly revives: boolean }
  /** New features on the error of a dictionary that stays. */
  | { readonly kind: 'residual'; readonly of: Dictionary };

/** @throws UsageError when the mode misses what it needs */
export function methodOf({ mode, latents }: FinetuneRequest, from: Dictionary): Method {
  switch (mode) {
    case 'finetune':
      return { kind: 'finetune', from };
    case 'scratch':
      return { kind: 'new' };
    case 'partial':
      return {
        ...{ kind: 'partial', from, chosen: chosenLatents(latents, from) },
        revives: latents?.kind === 'dead',
      };
    case 'residual':
      return { kind: 'residual', of: from };
  }
}

/** The dictionary whose features keep their numbers, and so their labels; null where all are new. */
export function baseOf(method: Method): Dictionary | null {
  switch (method.kind) {
    case 'new':
      return null;
    case 'finetune':
    case 'partial':
      return method.from;
    case 'residual':
      return method.of;
  }
}

/** [d_sae of the trained shape] what `EngineTrainer.trainOnly` is told. A residual dictionary has no decoder bias: all features train, it does not. */
export function trainedFeatures(method: Method, { dSae }: EngineShape): Uint8Array | null {
  if (method.kind === 'partial') return method.chosen;
  return method.kind === 'residual' ? new Uint8Array(dSae).fill(1) : null;
}

/** The dictionary that is stored. @param trained in the units of raw activations */
export function made(
  method: Method,
  shape: EngineShape,
  trained: DictionaryParameters,
): Pick<Dictionary, 'shape' | 'parameters'> {
  if (method.kind === 'residual') return joinResidual(method.of, trained);
  if (method.kind !== 'partial') return { shape, parameters: trained };
  return { shape, parameters: keepOthers(method.from.parameters, trained, method.chosen) };
}

/** What a dictionary's record says of it. */
export function methodConfig(method: Method): Record<string, unknown> {
  if (method.kind === 'residual') return { method: 'residual', residualOf: method.of.shape.dSae };
  if (method.kind !== 'partial') return {};
  const trained = method.chosen.reduce((count, one) => count + one, 0);
  return { method: 'partial', trainedFeatures: trained, latents: sha256(method.chosen) };
}

/** What a run is recognised by when it is resumed. */
export function methodIdentity(method: Method): Record<string, string | null> {
  const from = baseOf(method)?.contentHash ?? null;
  if (method.kind === 'residual') return { from, method: 'residual' };
  return method.kind === 'partial' ? { from, method: 'partial', latents: sha256(method.chosen) } : { from };
}
