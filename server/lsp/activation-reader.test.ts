import { describe, expect, it } from 'vitest';
import type { Request } from '../protocol/messages.ts';
import type { ReadSegmentsRequest, TextSegment } from '../protocol/token-readings.ts';
import { ActivationReader, type Question, type Watch } from './activation-reader.ts';
import type { Asker } from './daemon-link.ts';

const question: Question = { dictionary: 'd', contentHash: 'h', measure: { kind: 'strongest' }, hidden: [] };
const watch: Watch = { signal: new AbortController().signal, check: () => undefined, report: () => undefined };
const segment = (text: string, context = ''): TextSegment => ({ context, text });
const base64 = (array: Uint32Array | Float32Array): string => Buffer.from(array.buffer).toString('base64');

/** A daemon for which every segment is one token whose value is the segment's length. */
class OneTokenEach implements Asker {
  readonly asked: string[][] = [];

  request<Given, Parsed, Result>(_: Request<Given, Parsed, Result>, params: Given): Promise<Result> {
    const { segments } = params as ReadSegmentsRequest;
    this.asked.push(segments.map(({ context, text }) => `${context}|${text}`));
    const answer = segments.map(({ text }) => ({
      spans: base64(Uint32Array.of(0, text.length)),
      values: base64(Float32Array.of(text.length)),
    }));
    return Promise.resolve({ segments: answer } as Result);
  }
}

describe('reading activations', () => {
  it('asks for a segment once, whatever its place, and again for another context or question', async () => {
    const daemon = new OneTokenEach();
    const reader = new ActivationReader(daemon);
    const read = (texts: readonly TextSegment[], asked = question) => reader.read(texts, asked, watch);
    expect((await read([segment('one'), segment('three'), segment('one')])).map(({ values }) => [...values])).toEqual([
      [3],
      [5],
      [3],
    ]);
    await read([segment('three'), segment('four', 'x')]);
    await read([segment('four', 'y')]);
    await read([segment('one')], { ...question, contentHash: 'trained again' });
    await read([segment('one')], { ...question, hidden: [1] });
    expect(daemon.asked).toEqual([['|one', '|three'], ['x|four'], ['y|four'], ['|one'], ['|one']]);
    expect(reader.strongestKnown([segment('three'), segment('unknown')], question)).toBe(5);
  });

  it('asks in turn, so that what one answer brings the next does not ask for', async () => {
    const daemon = new OneTokenEach();
    const reader = new ActivationReader(daemon);
    await Promise.all([1, 2, 3].map(() => reader.read([segment('same')], question, watch)));
    expect(daemon.asked).toEqual([['|same']]);
  });

  it('stops between requests when the answer is of no use any more, and goes on for others', async () => {
    const daemon = new OneTokenEach();
    const reader = new ActivationReader(daemon);
    const many = Array.from({ length: 100 }, (_, i) => segment(`segment ${i}`));
    const steps: number[] = [];
    const stopping = {
      ...watch,
      check: () => {
        if (steps.length === 2) throw new Error('changed');
      },
      report: (done: number) => steps.push(done),
    };
    await expect(reader.read(many, question, stopping)).rejects.toThrow('changed');
    expect(steps).toEqual([32, 64]);
    expect(await reader.read(many, question, watch)).toHaveLength(100);
    expect(daemon.asked.map((texts) => texts.length)).toEqual([32, 32, 32, 4]);
  });
});
