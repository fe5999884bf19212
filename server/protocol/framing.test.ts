import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedMessageReader } from './framing.ts';

const frame = (message: unknown): Buffer => {
  const body = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
};

function readAll(chunks: readonly Buffer[], limit = 1 << 20): { messages: unknown[]; errors: string[] } {
  const source = new PassThrough();
  const reader = new BoundedMessageReader(source, limit);
  const messages: unknown[] = [];
  const errors: string[] = [];
  reader.onError((error) => errors.push(error.message));
  reader.listen((message) => messages.push(message));
  for (const chunk of chunks) source.emit('data', chunk);
  return { messages, errors };
}

describe('framed messages', () => {
  it('are read whole however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ method: fc.string({ unit: 'grapheme' }), params: fc.jsonValue() }), { maxLength: 6 }),
        fc.array(fc.nat(400), { maxLength: 40 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(messages.map(frame));
          const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
          const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
          const read = readAll(chunks);
          expect(read.errors).toEqual([]);
          expect(JSON.stringify(read.messages)).toBe(JSON.stringify(messages));
        },
      ),
    );
  });

  it('over the limit are refused by their declared length; nothing after is read', () => {
    const { messages, errors } = readAll([
      frame({ id: 1 }),
      Buffer.from('Content-Length: 2000000\r\n\r\n{'),
      frame({ id: 2 }),
    ]);
    expect(messages).toEqual([{ id: 1 }]);
    expect(errors).toEqual(['a message of 2000000 bytes is over the size limit of 1048576 bytes; send less at a time']);
  });
});
