/** A text's tokens with exact places. Arrays have one entry a token. */
export interface Encoding {
  readonly ids: Int32Array;
  /** UTF-16 offsets into the text. Without special tokens, start[0] = 0, start[i + 1] = end[i], end[last] = text.length. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** 1 for a token that stands for no text (BOS); its start == end. */
  readonly special: Uint8Array;
}
