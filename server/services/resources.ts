import { openEngine, type EngineChoice } from '../compute/engines.ts';
import type { Engine, EngineDictionary, EngineName } from '../compute/engine.ts';
import type { EngineVerdict } from '../compute/engine-choice.ts';
import { ShelvedEngines } from '../compute/run-engines.ts';
import { CorpusStore } from '../corpus/corpus-store.ts';
import { UsageError } from '../foundation/errors.ts';
import type { Home } from '../foundation/home.ts';
import { shippedFile } from '../foundation/package-root.ts';
import type { LanguageModel } from '../model/language-model.ts';
import { ActivationCache } from '../model/activation-cache.ts';
import { ModelStore } from '../model/model-store.ts';
import { SeedStore } from '../retrieve/seed-store.ts';
import { SelectionStore } from '../retrieve/selection-store.ts';
import { openSentenceEncoder, type SentenceEncoder } from '../retrieve/sentence-encoder.ts';
import { DictionaryStore } from '../sae/dictionary-store.ts';
import type { Dictionary } from '../sae/dictionary.ts';

/** A dictionary with the engine that holds it and the model it reads. */
export interface InspectableDictionary {
  readonly model: LanguageModel;
  readonly hookPoint: string;
  readonly dictionary: Dictionary;
  readonly engine: EngineDictionary;
}

/** Dictionaries kept in an engine's memory; the one used longest ago gives way. */
const MAX_DICTIONARIES = 6;

/** What services share, each opened when first needed and closed together. */
export class Resources implements AsyncDisposable {
  readonly home: Home;
  readonly models: ModelStore;
  readonly dictionaries: DictionaryStore;
  readonly seeds: SeedStore;
  readonly selections: SelectionStore;
  readonly activations: ActivationCache;
  readonly #threads: number | null;
  readonly #opened = new Map<string, Promise<AsyncDisposable>>();
  readonly #held = new Map<string, Promise<EngineDictionary>>();
  readonly #lost = new Map<EngineName, string>();
  readonly #verdicts = new Map<string, Promise<EngineVerdict>>();
  #encoder: Promise<SentenceEncoder> | null = null;

  constructor(home: Home, threads: number | null) {
    this.home = home;
    this.models = new ModelStore(home);
    this.dictionaries = new DictionaryStore(home);
    this.seeds = new SeedStore(home.seeds);
    this.selections = new SelectionStore(home.selections);
    this.activations = new ActivationCache(home.cache);
    this.#threads = threads;
  }

  #once<T extends AsyncDisposable>(key: string, open: () => Promise<T>): Promise<T> {
    let opened = this.#opened.get(key) as Promise<T> | undefined;
    if (opened === undefined) {
      opened = open();
      this.#opened.set(key, opened);
      opened.catch(() => this.#opened.delete(key));
    }
    return opened;
  }

  model(name: string): Promise<LanguageModel> {
    return this.#once(`model ${name}`, () => this.models.open(name, this.#threads ?? 0));
  }

  /** A model that was removed or replaced is not served from memory. */
  async closeModel(name: string): Promise<void> {
    const opened = this.#opened.get(`model ${name}`);
    this.#opened.delete(`model ${name}`);
    await (await opened?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  /** What texts are read with: `auto` is the addon where it loads, else WebAssembly, and measures nothing. */
  engine(choice: EngineChoice, threads: number | null = this.#threads): Promise<Engine> {
    return this.#once(`engine ${choice} ${String(threads)}`, () => openEngine(choice, { threads }));
  }

  /** What a training run computes on: `auto` measures where there is something to measure. */
  engines(choice: EngineChoice, threads: number | null = this.#threads): ShelvedEngines {
    return new ShelvedEngines(choice, {
      open: (name) => this.engine(name, threads),
      discard: (name, why) => this.#discard(name, why),
      lost: (name) => this.#lost.get(name) ?? null,
      verdicts: this.#verdicts,
    });
  }

  /** Closes an engine whose device was lost, with the dictionaries in its memory. */
  async #discard(name: EngineName, why: string): Promise<void> {
    this.#lost.set(name, why);
    const gone: Promise<AsyncDisposable>[] = [];
    for (const [kept, prefix] of [
      [this.#held, `${name} `],
      [this.#opened, `engine ${name} `],
    ] as const)
      for (const [key, one] of kept) {
        if (!key.startsWith(prefix)) continue;
        kept.delete(key);
        gone.push(one);
      }
    // What a lost device says when it is closed tells nothing new.
    for (const one of gone) await one.then((opened) => opened[Symbol.asyncDispose]()).catch(() => undefined);
  }

  corpora(): Promise<CorpusStore> {
    return this.#once('corpora', () => CorpusStore.open(this.home));
  }

  encoder(): Promise<SentenceEncoder> {
    this.#encoder ??= openSentenceEncoder(shippedFile('server', 'embedded', 'models', 'ssae-encoder'));
    this.#encoder.catch(() => (this.#encoder = null));
    return this.#encoder;
  }

  /** The dictionary in an engine's memory; kept for the next who asks. */
  async held({ contentHash, shape, parameters }: Dictionary, choice: EngineChoice = 'auto'): Promise<EngineDictionary> {
    const key = `${choice} ${contentHash}`;
    const known = this.#held.get(key);
    // Two who ask at the same time wait for the same one; the latest asked for stands last.
    const held = known ?? this.engine(choice).then((engine) => engine.dictionary(shape, parameters));
    this.#held.delete(key);
    this.#held.set(key, held);
    held.catch(() => this.#held.delete(key));
    for (const [oldest, one] of this.#held) {
      if (this.#held.size <= MAX_DICTIONARIES) break;
      this.#held.delete(oldest);
      await (await one.catch(() => null))?.[Symbol.asyncDispose]();
    }
    return held;
  }

  /** @throws UsageError when the dictionary names no model, or the model is not here or another one than it was trained on */
  async inspectable(reference: string): Promise<InspectableDictionary> {
    const dictionary = await this.dictionaries.load(reference);
    const { model: name, modelHash, hookPoint } = dictionary.origin;
    if (name === null || hookPoint === null)
      throw new UsageError(
        `dictionary ${reference} was trained on given activations and names no model and hook point, so there is no text it can read`,
      );
    if (!(await this.models.has(name)))
      throw new UsageError(
        `dictionary ${reference} was trained on model ${name}, which is not here; add it: ssae model add SOURCE --as ${name}`,
      );
    if (dictionary.transcoder !== undefined)
      throw new UsageError(
        `dictionary ${reference} is a transcoder: what it reconstructs is not what it reads, and texts are not read through transcoders here; ssae dictionary encode gives its features of given activations`,
      );
    const model = await this.model(name);
    if (modelHash !== null && modelHash !== model.description.contentHash)
      throw new UsageError(
        `dictionary ${reference} was trained on model ${name} with content ${modelHash.slice(0, 12)}; the model of that name here has ${model.description.contentHash.slice(0, 12)}. Train it again, or add the model it was made for`,
      );
    if (dictionary.shape.dIn !== model.description.dModel)
      throw new UsageError(
        `dictionary ${reference} reads activations of width ${dictionary.shape.dIn}, but model ${name} has width ${model.description.dModel}; it needs the model it was trained on`,
      );
    return { model, hookPoint, dictionary, engine: await this.held(dictionary) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.activations[Symbol.asyncDispose]();
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const one of held) await (await one.catch(() => null))?.[Symbol.asyncDispose]();
    const opened = [...this.#opened.values()];
    this.#opened.clear();
    for (const one of opened) await (await one.catch(() => null))?.[Symbol.asyncDispose]();
  }
}
