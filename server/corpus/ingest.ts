import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { TextEmbedder, TextTokenizer } from '../foundation/encoding.ts';
import { WorkError } from '../foundation/errors.ts';
import { canonicalJson, sha256 } from '../foundation/hash.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import type { IngestRequest } from '../protocol/requests.ts';
import type { IngestResult } from '../protocol/results.ts';
import { fileBytes } from './byte-stream.ts';
import type { FinishedSource, Skipped } from './corpus-manifest.ts';
import type { CorpusStore } from './corpus-store.ts';
import type { CorpusWriter } from './corpus-writer.ts';
import { cut, type Cut, type Unit } from './cut.ts';
import { passageId, type Passage } from './passage.ts';
import { readFile } from './read-file.ts';
import type { SourceItem, SourceRecord } from './record.ts';
import { resolveSources, type Source } from './sources.ts';

/** Skipped records that are named; all are counted. */
const NAMED_SKIPPED = 20;
/** Raised when the same source would be cut or read otherwise than before. */
const READER_VERSION = 1;
/** How long records are worked on before the event loop and the progress bar get a turn. */
const TURN_MS = 20;

export interface IngestParts {
  readonly store: CorpusStore;
  readonly tokenizer: TextTokenizer;
  /** Null for a corpus without vectors. */
  readonly embedder: TextEmbedder | null;
}

function passageOf(source: string, record: SourceRecord, { start, end, tokens }: Cut): Passage {
  const text = record.text.slice(start, end);
  const [from, to] = [record.offset + start, record.offset + end];
  const place = { source, document: record.document, start: from, end: to };
  return {
    id: passageId(place, text),
    text,
    tokens,
    contentHash: sha256(text),
    provenance: { ...place, line: record.line },
    fields: record.fields,
  };
}

/** Passages of a record. A passage inside a text file has the line that it begins on, one of a record the record's. */
function* passagesOf(source: string, record: SourceRecord, unit: Unit, tokenizer: TextTokenizer): Generator<Passage> {
  let [place, line] = [0, record.line];
  for (const range of cut(record.text, unit, tokenizer)) {
    if (record.linesInText && line !== null)
      for (; place < range.start; place++) if (record.text.charCodeAt(place) === 0x0a) line++;
    if (record.text.slice(range.start, range.end).trim() !== '') yield passageOf(source, { ...record, line }, range);
  }
}

function unitOf(request: IngestRequest): Unit {
  return request.unit === 'window' ? { kind: 'window', tokens: request.windowTokens } : { kind: request.unit };
}

function nameOf(source: Source): string {
  return source.kind === 'file' ? source.path : source.corpus.source;
}

/** What one source gave so far. */
interface Reading {
  passages: number;
  duplicates: number;
  skipped: Skipped[];
  skippedTotal: number;
}

class Ingest {
  readonly #request: IngestRequest;
  readonly #tokenizer: TextTokenizer;
  readonly #writer: CorpusWriter;
  readonly #control: JobControl;
  readonly #totalBytes: number;
  readonly #result: Reading = { passages: 0, duplicates: 0, skipped: [], skippedTotal: 0 };
  #bytes = 0;
  #turn = performance.now();

  constructor(
    request: IngestRequest,
    tokenizer: TextTokenizer,
    writer: CorpusWriter,
    sources: readonly Source[],
    control: JobControl,
  ) {
    this.#request = request;
    this.#tokenizer = tokenizer;
    this.#writer = writer;
    this.#control = control;
    this.#totalBytes = sources.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get result(): Readonly<Reading> {
    return this.#result;
  }

  async source(source: Source): Promise<void> {
    const key = await this.#keyOf(source);
    const known = this.#writer.finishedSource(key);
    if (known !== undefined) {
      this.#bytes += source.bytes;
      this.#count({
        passages: 0,
        duplicates: known.passages,
        skipped: known.skipped,
        skippedTotal: known.skippedTotal,
      });
      return;
    }
    const reading = await this.#read(source);
    this.#count(reading);
    const { skipped, skippedTotal } = reading;
    const finished: FinishedSource = {
      source: nameOf(source),
      key,
      passages: reading.passages + reading.duplicates,
      skipped,
      skippedTotal,
    };
    this.#writer.finish(finished, source.kind === 'sample' ? source.corpus.licence : null);
  }

  /** Content and settings of a source: the same key gives the same passages. */
  async #keyOf(source: Source): Promise<string> {
    const { textField, idField } = this.#request;
    const settings = {
      ...{ version: READER_VERSION, unit: unitOf(this.#request), textField, idField },
      tokenizer: this.#tokenizer.contentHash,
    };
    const hash = createHash('sha256').update(`${nameOf(source)}\0${canonicalJson(settings)}\0`);
    if (source.kind === 'sample') return hash.update(source.corpus.version).digest('hex');
    let bytes = 0;
    for await (const chunk of fileBytes(source.path, (length) => (bytes += length))) {
      hash.update(chunk);
      await this.#takeTurns('checking sources', bytes, source.bytes);
    }
    return hash.digest('hex');
  }

  #count({ passages, duplicates, skipped, skippedTotal }: Reading): void {
    this.#result.passages += passages;
    this.#result.duplicates += duplicates;
    this.#result.skippedTotal += skippedTotal;
    this.#result.skipped.push(...skipped.slice(0, NAMED_SKIPPED - this.#result.skipped.length));
  }

  #items(source: Source): AsyncIterable<SourceItem> | Iterable<SourceItem> {
    const onRead = (bytes: number): void => {
      this.#bytes += bytes;
    };
    if (source.kind === 'sample') return source.corpus.records(onRead);
    const { textField, idField, unit } = this.#request;
    return readFile(source.path, {
      fields: { text: textField, id: idField },
      whole: unit === 'document',
      onRead,
    });
  }

  async #read(source: Source): Promise<Reading> {
    const name = nameOf(source);
    const reading: Reading = { passages: 0, duplicates: 0, skipped: [], skippedTotal: 0 };
    for await (const item of this.#items(source)) {
      await this.#reportReading(reading.passages);
      if (item.kind === 'skipped') {
        reading.skippedTotal++;
        if (reading.skipped.length < NAMED_SKIPPED)
          reading.skipped.push({ source: name, line: item.line, reason: item.reason });
        continue;
      }
      for (const passage of passagesOf(name, item, unitOf(this.#request), this.#tokenizer)) {
        if (await this.#writer.add(passage)) reading.passages++;
        else reading.duplicates++;
        await this.#reportReading(reading.passages);
      }
    }
    return reading;
  }

  async #reportReading(passages: number): Promise<void> {
    const count = (this.#result.passages + passages).toLocaleString('en');
    await this.#takeTurns('reading sources', this.#bytes, this.#totalBytes, `${count} passages`);
  }

  /** Lets the event loop and whoever watches or stops the work have a turn, when the last was a while ago. */
  async #takeTurns(stage: string, done: number, total: number, note?: string): Promise<void> {
    if (performance.now() - this.#turn < TURN_MS) return;
    await setImmediate();
    throwIfStopped(this.#control, 'the same command goes on where it stopped');
    this.#control.report({ stage, done, total, unit: 'bytes', ...(note === undefined ? {} : { note }) });
    this.#turn = performance.now();
  }
}

/**
 * Reads sources into a corpus, which is made where it does not exist. The same sources again add nothing; after a process was
 * killed, the same call adds what is missing. A passage is dropped when its content is stored already, or when at least half of its
 * 13-grams are (see {@link DUPLICATE_SHARE}). Memory does not grow with the sources, but for 16 to 64 bytes of hashes a passage.
 * @returns what this call added; `duplicates` counts passages that repeat a stored one
 * @throws UsageError when a source does not exist, or the corpus was made with another tokenizer or sentence encoder
 * @throws WorkError when the corpus has no passage at the end, or somebody else adds to it
 */
export async function ingest(request: IngestRequest, parts: IngestParts, control: JobControl): Promise<IngestResult> {
  const started = performance.now();
  const sources = await resolveSources(request.sources);
  await using writer = await parts.store.writer(request.corpus, parts.tokenizer.contentHash, parts.embedder);
  const work = new Ingest(request, parts.tokenizer, writer, sources, control);
  for (const source of sources) {
    throwIfStopped(control);
    await work.source(source);
  }
  const { duplicates, skipped, skippedTotal } = work.result;
  if ((await writer.countPassages()) === 0) {
    const reasons = skipped
      .slice(0, 3)
      .map(({ source, line, reason }) => `${source}${line === null ? '' : `:${line}`}: ${reason}`);
    throw new WorkError(
      `corpus ${request.corpus} would be empty: ${reasons.join('; ') || 'the sources hold no text'}${skippedTotal > 3 ? `; and ${skippedTotal - 3} more` : ''}`,
    );
  }
  control.report({ stage: 'indexing passages', done: 0, total: null, unit: 'passages' });
  await writer.complete();
  const seconds = (performance.now() - started) / 1000;
  return { corpus: request.corpus, ...writer.added, duplicates, skipped, skippedTotal, seconds };
}
