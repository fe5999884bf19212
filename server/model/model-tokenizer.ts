import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import type { Encoding, TextTokenizer } from '../foundation/encoding.ts';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import { ByteLevelWords } from './byte-level-words.ts';
import { EncodingBuilder } from './encoding-builder.ts';
import { normalisedText } from './normalised-text.ts';
import { tokenEnds, type Surface } from './token-offsets.ts';

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
}

interface TokenizerFile {
  readonly pre_tokenizer?: unknown;
  readonly added_tokens?: readonly AddedToken[];
}

interface TokenizerConfig {
  readonly bos_token?: string | { readonly content?: string } | null;
  readonly add_bos_token?: boolean;
  readonly remove_space?: boolean;
  readonly do_lowercase_and_remove_accent?: boolean;
}

/** A pattern that finds any of the added tokens, the longest first; null where there are none. */
function patternOf(added: readonly AddedToken[]): RegExp | null {
  const contents = added.map(({ content }) => content).filter((content) => content !== '');
  if (contents.length === 0) return null;
  const escaped = contents
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'));
  return new RegExp(escaped.join('|'), 'g');
}

/** What every text begins with: the BOS token, where the post-processor or `add_bos_token` wants one. */
function prefixOf(tokenizer: Tokenizer, { add_bos_token: wanted, bos_token: bos }: TokenizerConfig): number[] {
  const written = tokenizer.encode('a').ids;
  const plain = tokenizer.encode('a', { add_special_tokens: false }).ids;
  const [first] = written;
  if (written.length > plain.length && first !== undefined && first !== plain[0]) return [first];
  const content = typeof bos === 'string' ? bos : bos?.content;
  const id = wanted === true && content !== undefined ? tokenizer.token_to_id(content) : undefined;
  return id === undefined ? [] : [id];
}

/**
 * A model's tokenizer with exact places in the text. Tokens cover the text in order. Of tokens that share a character (bytes of one, or
 * what normalising put together) the first has it, the others no width.
 */
export class ModelTokenizer implements TextTokenizer {
  readonly contentHash: string;
  readonly #tokenizer: Tokenizer;
  readonly #added: ReadonlyMap<string, number>;
  readonly #addedPattern: RegExp | null;
  readonly #prefix: readonly number[];
  /** Null where words cannot be tokenized one by one. */
  readonly #words: ByteLevelWords | null;
  readonly #byteLetters: ReadonlySet<string>;

  private constructor(file: TokenizerFile, config: TokenizerConfig, contentHash: string) {
    this.contentHash = contentHash;
    this.#tokenizer = new Tokenizer(file, config);
    const added = file.added_tokens ?? [];
    this.#added = new Map(added.map(({ id, content }) => [content, id]));
    this.#addedPattern = patternOf(added);
    this.#prefix = prefixOf(this.#tokenizer, config);
    const isPlain =
      config.remove_space !== true &&
      config.do_lowercase_and_remove_accent !== true &&
      added.every(
        ({ lstrip, rstrip, normalized }) =>
          lstrip !== true && rstrip !== true && (normalized !== true || this.#tokenizer.normalizer === null),
      );
    this.#words = isPlain ? ByteLevelWords.of(this.#tokenizer) : null;
    this.#byteLetters = JSON.stringify(file.pre_tokenizer ?? null).includes('"ByteLevel"') ? byteLetters() : new Set();
  }

  /** @param folder holds tokenizer.json and, mostly, tokenizer_config.json @throws WorkError naming the file */
  static async open(folder: string): Promise<ModelTokenizer> {
    const path = join(folder, 'tokenizer.json');
    const configPath = join(folder, 'tokenizer_config.json');
    try {
      const text = await readFile(path, 'utf8');
      const configText = existsSync(configPath) ? await readFile(configPath, 'utf8') : '{}';
      const config = JSON.parse(configText) as TokenizerConfig;
      return new ModelTokenizer(JSON.parse(text) as TokenizerFile, config, sha256(text, configText));
    } catch (error) {
      throw new WorkError(`the tokenizer ${path} could not be opened: ${messageOf(error)}`, { cause: error });
    }
  }

  encode(text: string): Encoding {
    const built = new EncodingBuilder(this.#prefix);
    if (this.#words === null) this.#encodeWhole(text, built);
    else this.#encodeByWords(text, this.#words, built);
    return built.finish(text.length);
  }

  decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    return this.#tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  #encodeByWords(text: string, words: ByteLevelWords, built: EncodingBuilder): void {
    let place = 0;
    for (const match of this.#addedPattern === null ? [] : text.matchAll(this.#addedPattern)) {
      this.#encodeSection(text.slice(place, match.index), place, words, built);
      place = match.index + match[0].length;
      built.add(this.#added.get(match[0])!, place);
    }
    this.#encodeSection(place === 0 ? text : text.slice(place), place, words, built);
  }

  #encodeSection(section: string, offset: number, words: ByteLevelWords, built: EncodingBuilder): void {
    const { text, original } = normalisedText(section, this.#normalise);
    words.forEach(text, ({ ids, ends }, start) => {
      for (let i = 0; i < ids.length; i++) {
        const end = start + ends[i]!;
        built.add(ids[i]!, offset + (original === null ? end : original[end]!));
      }
    });
  }

  /** The library's way: it may look at the whole text, and gives tokens without their places. */
  #encodeWhole(text: string, built: EncodingBuilder): void {
    const { ids, tokens } = this.#tokenizer.encode(text, { add_special_tokens: false });
    const surfaces = tokens.map((token) => this.#surface(token));
    for (const [i, end] of tokenEnds(surfaces, normalisedText(text, this.#normalise)).entries())
      built.add(ids[i]!, end);
  }

  readonly #normalise = (text: string): string => this.#tokenizer.normalizer?.normalize(text) ?? text;

  #surface(token: string): Surface {
    if (this.#added.has(token))
      // In word-piece tokenizers the unknown token is an added one, and stands for another text than its own.
      return token === this.#tokenizer.model?.unk_token ? { kind: 'unknown' } : { kind: 'text', text: token };
    if (this.#byteLetters.size > 0 && Array.from(token).every((letter) => this.#byteLetters.has(letter)))
      return { kind: 'bytes', length: token.length };
    if (/^<0x[0-9A-F]{2}>$/.test(token)) return { kind: 'bytes', length: 1 };
    return { kind: 'text', text: token.replace(/^##/, '') };
  }
}

/** The printable letters that byte-level tokenizers write bytes as (GPT-2's table), one UTF-16 unit each. */
function byteLetters(): Set<string> {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 256;
  return new Set(Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++)));
}
