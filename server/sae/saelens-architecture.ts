/** SAELens' names and options of architectures, read into shapes of ours and written from them. */
import type { EngineArchitecture, EngineShape } from '../compute/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import { Architecture } from '../protocol/architectures.ts';
import { familyOf } from './architectures/families.ts';
import { INFERRED_JUMPRELU } from './architectures/family.ts';
import { storedKind } from './architectures/finetuned.ts';
import { fieldsOf, own, shown, type Fields } from './fields.ts';

/** What `cfg.json` says of the features, and of what they reconstruct. */
export interface FileArchitecture {
  readonly features: EngineArchitecture;
  /** It reconstructs other activations than it reads; a skip connection, too, where `skip`. */
  readonly transcoder: boolean;
  readonly skip: boolean;
  /** A checkpoint of a batchtopk run, in which the threshold is one number. */
  readonly unfinished: boolean;
  /** Decoder norms are not folded yet. */
  readonly rescaledByDecoderNorm: boolean;
  /** What it was trained as; null where nobody noted it, or the note does not fit what is stored. */
  readonly trainedAs: Architecture | null;
}

interface NamedForm extends Omit<FileArchitecture, 'features' | 'rescaledByDecoderNorm' | 'trainedAs'> {
  readonly kind: 'relu' | 'topk' | 'jumprelu' | 'gated';
}

const SAE = { transcoder: false, skip: false, unfinished: false };
const TRANSCODER = { ...SAE, transcoder: true };
const FORMS: Readonly<Record<string, NamedForm>> = {
  standard: { ...SAE, kind: 'relu' },
  topk: { ...SAE, kind: 'topk' },
  jumprelu: { ...SAE, kind: 'jumprelu' },
  gated: { ...SAE, kind: 'gated' },
  batchtopk: { ...SAE, kind: 'jumprelu', unfinished: true },
  matryoshka_batchtopk: { ...SAE, kind: 'jumprelu', unfinished: true },
  transcoder: { ...TRANSCODER, kind: 'relu' },
  skip_transcoder: { ...TRANSCODER, kind: 'relu', skip: true },
  jumprelu_transcoder: { ...TRANSCODER, kind: 'jumprelu' },
  jumprelu_skip_transcoder: { ...TRANSCODER, kind: 'jumprelu', skip: true },
};
const SUPPORTED = Object.keys(FORMS).join(', ');

/** @throws WorkError where SAELens has no name for it: a transcoder of topk features */
export function saeLensName(shape: EngineShape, transcoder: boolean): string {
  const { kind } = shape.architecture;
  const found = Object.entries(FORMS).find(
    ([, form]) => form.kind === kind && form.transcoder === transcoder && form.skip === shape.skip && !form.unfinished,
  );
  if (found !== undefined) return found[0];
  throw new WorkError(
    `SAELens has no architecture for a ${transcoder ? 'transcoder' : 'dictionary'} of ${kind} features`,
  );
}

function formOf(path: string, fields: Fields, flat: boolean): NamedForm {
  const activation = own(fields, 'activation_fn_str') ?? own(fields, 'activation_fn');
  const named = own(fields, 'architecture') ?? (flat ? 'standard' : undefined);
  if (named === undefined) throw new WorkError(`${path} has no architecture`);
  const form = typeof named === 'string' && Object.hasOwn(FORMS, named) ? FORMS[named]! : null;
  if (form === null)
    throw new WorkError(`${path}: architecture ${shown(named)} is not supported; supported: ${SUPPORTED}`);
  if (!flat) return form;
  const isTopK = (activation ?? '') === 'topk';
  if (!isTopK && activation !== undefined && activation !== 'relu')
    throw new WorkError(`${path}: activation function ${shown(activation)} is not supported; supported: relu, topk`);
  if (isTopK) return FORMS['topk']!;
  if (named === 'topk') throw new WorkError(`${path}: architecture "topk" without activation_fn_str "topk"`);
  return form;
}

function kOf(path: string, fields: Fields, flat: boolean, dSae: number): number {
  const k = own(flat ? fieldsOf(own(fields, 'activation_fn_kwargs')) : fields, 'k');
  if (k === undefined) throw new WorkError(`${path} has no k, which a topk dictionary needs`);
  if (!Number.isSafeInteger(k) || (k as number) < 1 || (k as number) > dSae)
    throw new WorkError(`${path}: k is ${shown(k)}; a whole number from 1 to d_sae (${dSae}) was expected`);
  return k as number;
}

/** SAELens' own note of how a dictionary was trained, as far as a request of ours can say the same. */
function notedBySaeLens(name: unknown, details: Fields): unknown {
  const selection = { k: own(details, 'k') };
  const widths = own(details, 'matryoshka_widths');
  switch (name) {
    case 'batchtopk':
      return { kind: 'batchtopk', ...selection };
    case 'matryoshka_batchtopk':
      return { kind: 'matryoshka', ...selection, prefixes: { kind: 'widths', widths } };
    default:
      return null;
  }
}

function trainedAsOf(metadata: Fields, form: NamedForm): Architecture | null {
  const details = fieldsOf(own(metadata, 'training_architecture_details'));
  const noted = own(metadata, 'ssae_architecture') ?? notedBySaeLens(own(metadata, 'training_architecture'), details);
  const parsed = Architecture.safeParse(noted);
  if (!parsed.success) return null;
  const fits = storedKind(parsed.data) === form.kind && (parsed.data.kind === 'transcoder') === form.transcoder;
  return fits ? parsed.data : null;
}

/** Features as stored; of those whose file says nothing of training, as SAELens trains them. */
function featuresOf(form: NamedForm, k: number, penalty: unknown, trainedAs: Architecture | null): EngineArchitecture {
  const known = trainedAs?.kind === 'transcoder' ? trainedAs.features : trainedAs;
  if (form.kind === 'topk') return { kind: 'topk', k, rescaledByDecoderNorm: false };
  if (known !== null && known.kind === form.kind)
    return familyOf(known).shape(known, { dIn: 1, dOut: 1, dSae: 1 }).architecture;
  switch (form.kind) {
    case 'relu':
      return { kind: 'relu', penalty: penalty === 'plain' ? 'plain' : 'decoder_norm_weighted' };
    case 'gated':
      return { kind: 'gated', variant: 'saelens' };
    case 'jumprelu':
      return INFERRED_JUMPRELU;
  }
}

/**
 * @param flat whether the file is of versions 2 to 5
 * @throws WorkError naming the key and its value when this product cannot run what it describes
 */
export function fileArchitecture(
  path: string,
  fields: Fields,
  metadata: Fields,
  { flat, dSae }: { readonly flat: boolean; readonly dSae: number },
): FileArchitecture {
  const form = formOf(path, fields, flat);
  const k = form.kind === 'topk' ? kOf(path, fields, flat, dSae) : 0;
  const trainedAs = trainedAsOf(metadata, form);
  const penalty = own(fieldsOf(own(metadata, 'training_architecture_details')), 'penalty');
  const { transcoder, skip, unfinished } = form;
  return {
    ...{ features: featuresOf(form, k, penalty, trainedAs), trainedAs, transcoder, skip, unfinished },
    rescaledByDecoderNorm: (form.kind === 'topk' || unfinished) && own(fields, 'rescale_acts_by_decoder_norm') === true,
  };
}
