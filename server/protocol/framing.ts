import type { Readable } from 'node:stream';
import { AbstractMessageReader, Disposable, type DataCallback, type Message } from 'vscode-jsonrpc/node.js';

const MAX_HEADER_BYTES = 4096;
const SEPARATOR = '\r\n\r\n';

/** The peer does not speak the protocol, or sent more than is accepted. Nothing further of it is read. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
  /** JSON-RPC error code to answer with. */
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Reads Content-Length-framed JSON messages like vscode-jsonrpc's own reader, with a limit: the declared length is checked
 * before a byte of the body is kept, so that no peer can make this process hold more than the limit.
 */
export class BoundedMessageReader extends AbstractMessageReader {
  /** Bytes of a body; may be raised once the peer is trusted. */
  maxBytes: number;
  readonly #source: Readable;
  #chunks: Buffer[] = [];
  #held = 0;
  /** Length of the body that is being read; null while a header is. */
  #body: number | null = null;
  #broken = false;

  constructor(source: Readable, maxBytes: number) {
    super();
    this.#source = source;
    this.maxBytes = maxBytes;
  }

  listen(callback: DataCallback): Disposable {
    const read = (chunk: Buffer): void => {
      this.#read(chunk, callback);
    };
    const fail = (error: Error): void => {
      this.fireError(error);
    };
    const close = (): void => {
      this.fireClose();
    };
    this.#source.on('data', read).on('error', fail).on('close', close);
    return Disposable.create(() => this.#source.off('data', read).off('error', fail).off('close', close));
  }

  #read(chunk: Buffer, callback: DataCallback): void {
    if (this.#broken) return;
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    try {
      for (;;) {
        this.#body ??= this.#takeHeader();
        if (this.#body === null || this.#held < this.#body) return;
        const body = this.#take(this.#body);
        this.#body = null;
        callback(parse(body));
      }
    } catch (error) {
      this.#broken = true;
      this.#chunks = [];
      this.fireError(error);
    }
  }

  /** Length of the body that follows, or null when the header is not complete yet. */
  #takeHeader(): number | null {
    const start = Buffer.concat(this.#chunks);
    this.#chunks = [start];
    const end = start.subarray(0, MAX_HEADER_BYTES).indexOf(SEPARATOR);
    if (end < 0) {
      if (start.length >= MAX_HEADER_BYTES)
        throw new FramingError(-32600, `no header within ${MAX_HEADER_BYTES} bytes`);
      return null;
    }
    const header = this.#take(end + SEPARATOR.length).toString('latin1');
    const declared = /^content-length: *(\d{1,15}) *$/im.exec(header)?.[1];
    if (declared === undefined)
      throw new FramingError(-32600, `the header has no Content-Length: ${JSON.stringify(header.slice(0, 200))}`);
    if (Number(declared) > this.maxBytes)
      throw new FramingError(
        -32600,
        `a message of ${declared} bytes is over the size limit of ${this.maxBytes} bytes; send less at a time`,
      );
    return Number(declared);
  }

  #take(count: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const rest = all.subarray(count);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    return all.subarray(0, count);
  }
}

function parse(body: Buffer): Message {
  let message: unknown;
  try {
    message = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new FramingError(-32700, `the message is not JSON: ${(error as Error).message}`);
  }
  if (message === null || typeof message !== 'object' || Array.isArray(message))
    throw new FramingError(-32600, 'the message is not a JSON-RPC object');
  return message as Message;
}
