/** A text's tokens with exact places. Arrays have one entry a token. */
export interface Encoding {
  readonly ids: Int32Array;
  /** UTF-16 offsets into the text. Without special tokens, start[0] = 0, start[i + 1] = end[i], end[last] = text.length. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** 1 for a token that stands for no text (BOS); its start == end. */
  readonly special: Uint8Array;
}

/** Whatever cuts text into tokens: a language model's tokenizer. */
export interface TextTokenizer {
  /** Changes when the same text would give other tokens. */
  readonly contentHash: string;
  encode(text: string): Encoding;
}

/** Whatever turns texts into vectors: a sentence encoder. */
export interface TextEmbedder {
  readonly contentHash: string;
  readonly dimensions: number;
  /** @returns unit vectors, [texts, dimensions] row-major; the zero vector for a text without known tokens. */
  embed(texts: readonly string[]): Promise<Float32Array>;
}
