import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import type { Encoding, TextTokenizer } from '../foundation/encoding.ts';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import { normalisedText } from './normalised-text.ts';
import { tokenEnds, type Surface } from './token-offsets.ts';

/** The printable letters that byte-level tokenizers write bytes as (GPT-2's table), one UTF-16 unit each. */
function byteLetters(): Set<string> {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 256;
  return new Set(Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++)));
}

const BYTE_LETTERS = byteLetters();
/** The library searches a text with regular expressions; long ones are encoded in pieces cut at line ends. */
const PIECE_LENGTH = 1 << 16;

interface TokenizerFile {
  readonly pre_tokenizer?: unknown;
  readonly decoder?: unknown;
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
}

/** A model's tokenizer with exact places in the text. */
export class ModelTokenizer implements TextTokenizer {
  readonly contentHash: string;
  readonly #tokenizer: Tokenizer;
  readonly #byteLevel: boolean;
  readonly #added: ReadonlyMap<number, string>;
  /** What every text begins with: the BOS token, where the model wants one. */
  readonly #prefix: readonly number[];

  private constructor(tokenizer: Tokenizer, file: TokenizerFile, beginsWithBos: string | null, contentHash: string) {
    this.contentHash = contentHash;
    this.#tokenizer = tokenizer;
    this.#byteLevel = JSON.stringify(file.pre_tokenizer ?? null).includes('"ByteLevel"');
    this.#added = new Map(file.added_tokens?.map(({ id, content }) => [id, content]));
    const written = tokenizer.encode('a');
    const plain = tokenizer.encode('a', { add_special_tokens: false });
    const place = written.ids.join().indexOf(plain.ids.join());
    const prefix = place < 0 ? [] : written.ids.slice(0, written.ids.length - plain.ids.length);
    const bos = beginsWithBos === null ? undefined : tokenizer.token_to_id(beginsWithBos);
    this.#prefix = prefix.length === 0 && bos !== undefined ? [bos] : prefix.slice(0, 1);
  }

  /** @param folder holds tokenizer.json and, mostly, tokenizer_config.json @throws WorkError naming the file */
  static async open(folder: string): Promise<ModelTokenizer> {
    const path = join(folder, 'tokenizer.json');
    const configPath = join(folder, 'tokenizer_config.json');
    try {
      const text = await readFile(path, 'utf8');
      const configText = existsSync(configPath) ? await readFile(configPath, 'utf8') : '{}';
      const file = JSON.parse(text) as TokenizerFile;
      const config = JSON.parse(configText) as Record<string, unknown>;
      const bos = config['bos_token'];
      const content = typeof bos === 'object' && bos !== null ? (bos as { content?: unknown }).content : bos;
      const beginsWithBos = config['add_bos_token'] === true && typeof content === 'string' ? content : null;
      return new ModelTokenizer(new Tokenizer(file, config), file, beginsWithBos, sha256(text, configText));
    } catch (error) {
      throw new WorkError(`the tokenizer ${path} could not be opened: ${messageOf(error)}`, { cause: error });
    }
  }

  encode(text: string): Encoding {
    const ids = [...this.#prefix];
    const starts = this.#prefix.map(() => 0);
    const ends = [...starts];
    for (const [from, to] of pieces(text)) {
      const piece = text.slice(from, to);
      const encoded = this.#tokenizer.encode(piece, { add_special_tokens: false });
      const normaliser = this.#tokenizer.normalizer;
      const normalised = normalisedText(piece, (part) => (normaliser === null ? part : normaliser.normalize(part)));
      const surfaces = encoded.ids.map((id, i) => this.#surface(id, encoded.tokens[i]!));
      let start = from;
      for (const [i, end] of tokenEnds(surfaces, normalised).entries()) {
        ids.push(encoded.ids[i]!);
        starts.push(start);
        ends.push(from + end);
        start = from + end;
      }
    }
    // Text in which the tokenizer sees nothing at all still belongs to the last token there is.
    if (ends.length > this.#prefix.length) ends[ends.length - 1] = text.length;
    const special = new Uint8Array(ids.length).fill(1, 0, this.#prefix.length);
    return { ids: Int32Array.from(ids), starts: Uint32Array.from(starts), ends: Uint32Array.from(ends), special };
  }

  decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    return this.#tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  #surface(id: number, token: string): Surface {
    const added = this.#added.get(id);
    if (added !== undefined && token === added) {
      // In word-piece tokenizers the unknown token is an added one, and stands for another text than its own.
      if (/^\[UNK\]$|^<unk>$/.test(added)) return { kind: 'unknown' };
      return { kind: 'bytes', length: Buffer.byteLength(added) };
    }
    if (this.#byteLevel && Array.from(token).every((letter) => BYTE_LETTERS.has(letter)))
      return { kind: 'bytes', length: token.length };
    if (/^<0x[0-9A-F]{2}>$/.test(token)) return { kind: 'bytes', length: 1 };
    return { kind: 'text', text: token.replace(/^##/, '').replaceAll('▁', ' ') };
  }
}

/** Long texts in pieces that end behind a line end, or where there is none between two characters. */
function* pieces(text: string): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < text.length;) {
    let to = Math.min(text.length, from + PIECE_LENGTH);
    if (to < text.length) {
      const lineEnd = text.lastIndexOf('\n', to - 1) + 1;
      if (lineEnd > from) to = lineEnd;
      else if (isLowSurrogate(text.charCodeAt(to))) to -= 1;
    }
    yield [from, to];
    from = to;
  }
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
