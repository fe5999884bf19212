import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TextEmbedder } from '../foundation/encoding.ts';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import { WordPieces } from './word-pieces.ts';

const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;
/** The event loop gets its turn after this long. */
const SLICE_MS = 4;

interface EmbeddingTable {
  /** [vocabulary, dimensions] */
  readonly embeddings: Int8Array;
  /** [vocabulary] */
  readonly scale: Float32Array;
  readonly vocabulary: number;
  readonly dimensions: number;
}

/**
 * A static sentence encoder: a text's vector is Σ over its tokens of embeddings[id] · scale[id], divided by its norm. No
 * network runs, so it is a table look-up a token (the idea of model2vec, github.com/MinishLab/model2vec; weights of rare
 * and frequent words are inside the table).
 */
export class SentenceEncoder implements TextEmbedder {
  readonly contentHash: string;
  readonly dimensions: number;
  readonly #table: EmbeddingTable;
  readonly #pieces: WordPieces;
  /** [dimensions] the sum of the text at hand. */
  readonly #sum: Float64Array;

  constructor(table: EmbeddingTable, pieces: WordPieces, contentHash: string) {
    this.#table = table;
    this.#pieces = pieces;
    this.contentHash = contentHash;
    this.dimensions = table.dimensions;
    this.#sum = new Float64Array(table.dimensions);
  }

  /** @returns ids of the text without special tokens, equal to those of Hugging Face's tokenizer. */
  tokenIds(text: string): Int32Array {
    return this.#pieces.encode(text);
  }

  async embed(texts: readonly string[]): Promise<Float32Array> {
    const vectors = new Float32Array(texts.length * this.dimensions);
    let sliceStart = performance.now();
    for (const [row, text] of texts.entries()) {
      this.#embedInto(text, vectors, row * this.dimensions);
      if (performance.now() - sliceStart > SLICE_MS) {
        await nextTurn();
        sliceStart = performance.now();
      }
    }
    return vectors;
  }

  #embedInto(text: string, vectors: Float32Array, offset: number): void {
    const sum = this.#sum.fill(0);
    this.#pieces.forEach(text, (ids) => {
      for (const id of ids) this.#add(id, sum);
    });
    let squares = 0;
    for (const value of sum) squares += value * value;
    if (squares === 0) return;
    const inverse = 1 / Math.sqrt(squares);
    for (let column = 0; column < sum.length; column++) vectors[offset + column] = sum[column]! * inverse;
  }

  #add(id: number, sum: Float64Array): void {
    const { embeddings, scale } = this.#table;
    const weight = scale[id]!;
    const start = id * sum.length;
    for (let column = 0; column < sum.length; column++) sum[column]! += embeddings[start + column]! * weight;
  }
}

async function readTable(path: string): Promise<EmbeddingTable> {
  await using file = await SafetensorsFile.open(path);
  const { dtype, shape } = file.entry('embeddings');
  const [vocabulary, dimensions] = shape;
  if (dtype !== 'I8' || shape.length !== 2 || !vocabulary || !dimensions)
    throw new WorkError(
      `${path}: "embeddings" is ${dtype} [${shape.join(', ')}]; I8 [vocabulary, dimensions] is needed`,
    );
  const scaleEntry = file.entry('scale');
  if (scaleEntry.dtype !== 'F32' || scaleEntry.shape.length !== 1 || scaleEntry.shape[0] !== vocabulary)
    throw new WorkError(
      `${path}: "scale" is ${scaleEntry.dtype} [${scaleEntry.shape.join(', ')}]; F32 [${vocabulary}] is needed, one for each row of "embeddings"`,
    );
  const scale = await file.float32('scale');
  const notFinite = scale.findIndex((value) => !Number.isFinite(value));
  if (notFinite >= 0)
    throw new WorkError(`${path}: "scale"[${notFinite}] is ${scale[notFinite]!}; a finite number is needed`);
  return { embeddings: new Int8Array((await file.bytes('embeddings')).buffer), scale, vocabulary, dimensions };
}

async function readTokenizer(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > MAX_TOKENIZER_BYTES)
      throw new WorkError(`it has ${size} bytes; at most ${MAX_TOKENIZER_BYTES} are read`);
    return await readFile(path);
  } catch (error) {
    throw new WorkError(`could not read the tokenizer ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Opens a folder with `model.safetensors` (`embeddings` int8 [vocabulary, dimensions], `scale` float32 [vocabulary]) and
 * `tokenizer.json`.
 * @throws WorkError naming the file and the tensor that is missing or misshapen.
 */
export async function openSentenceEncoder(folder: string): Promise<SentenceEncoder> {
  const table = await readTable(join(folder, 'model.safetensors'));
  const tokenizerPath = join(folder, 'tokenizer.json');
  const bytes = await readTokenizer(tokenizerPath);
  let pieces: WordPieces;
  try {
    pieces = new WordPieces(JSON.parse(bytes.toString('utf8')) as object);
  } catch (error) {
    throw new WorkError(`${tokenizerPath} is not a tokenizer this version can read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (pieces.largestId >= table.vocabulary)
    throw new WorkError(
      `${tokenizerPath} gives token id ${pieces.largestId}, but "embeddings" in model.safetensors has ${table.vocabulary} rows: the two files do not belong together`,
    );
  const { embeddings, scale } = table;
  const hash = sha256(new Uint8Array(embeddings.buffer), new Uint8Array(scale.buffer), bytes);
  return new SentenceEncoder(table, pieces, hash);
}
