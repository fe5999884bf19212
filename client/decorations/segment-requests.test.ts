import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node.js';
import { placeSegments, type PlacedSegment } from './placed-segments.ts';
import type { Wanted } from './segment-requests.ts';

vi.mock('vscode', async () => ({
  ...(await import('../../test/cancellation-source.ts')),
}));

const { SegmentRequests } = await import('./segment-requests.ts');

const segments = (text: string): PlacedSegment[] => placeSegments(text, 'plain', []);
const seen = (text: string): Wanted => ({ segments: segments(text), visible: true });
const nothing = (): void => undefined;

/** Requests whose answers are given by hand. */
function byHand(next: (answered: Wanted) => void = nothing) {
  const events: string[] = [];
  const answers: { settle: () => void; reject: (error: Error) => void; isCancelled: () => boolean }[] = [];
  const requests = new SegmentRequests({
    read: ([segment], token) =>
      new Promise((settle, reject) => {
        events.push(`ask ${segment!.text}`);
        answers.push({ settle, reject, isCancelled: () => token.isCancellationRequested });
      }),
    fail: (error) => events.push(`fail ${String(error)}`),
    next: (answered) => {
      events.push('next');
      next(answered);
    },
    show: () => events.push('show'),
  });
  return { requests, events, answers };
}

describe('requests for segments', () => {
  it('are on their way to the daemon before the answer to the one before is painted', async () => {
    const events: string[] = [];
    const [toDaemon, fromDaemon] = [new PassThrough(), new PassThrough()];
    const daemon = createMessageConnection(new StreamMessageReader(toDaemon), new StreamMessageWriter(fromDaemon));
    daemon.onRequest('read', () => 'values');
    const written = new Writable({
      write: (chunk: Buffer, _, done) => {
        if (chunk.includes('"method":"read"')) events.push('sent');
        toDaemon.write(chunk, done);
      },
    });
    const editor = createMessageConnection(new StreamMessageReader(fromDaemon), new StreamMessageWriter(written));
    for (const connection of [daemon, editor]) connection.listen();

    const rest = ['second', 'third'];
    let end = nothing;
    const last = new Promise<void>((resolve) => (end = resolve));
    const requests = new SegmentRequests({
      read: async () => {
        for (const part of ['messages', 'connection']) await Promise.resolve(part); // As the link waits for both.
        await editor.sendRequest('read');
        events.push('answered');
      },
      fail: nothing,
      next: () => {
        const text = rest.shift();
        if (text !== undefined) void requests.ask(seen(text)).then(text === 'third' ? end : nothing);
      },
      show: () => events.push('painted'),
    });
    await requests.ask(seen('first'));
    await last;
    for (const connection of [daemon, editor]) connection.dispose();
    const inOrder = ['sent', 'answered', 'sent', 'painted', 'answered', 'sent', 'painted', 'answered', 'painted'];
    expect(events).toEqual(inOrder);
  });

  it('that were cancelled paint nothing, tell of no failure, and are followed by the next', async () => {
    const { requests, events, answers } = byHand();
    const one = requests.ask(seen('one'));
    requests.cancel();
    answers[0]!.settle();
    await one;
    const two = requests.ask(seen('two'));
    requests.cancel();
    answers[1]!.reject(new Error('cancelled'));
    await two;
    expect(events).toEqual(['ask one', 'next', 'ask two', 'next']);
  });

  it('that failed are told of before the next is asked for', async () => {
    const { requests, events, answers } = byHand();
    const asked = requests.ask(seen('one'));
    answers[0]!.reject(new Error('no model'));
    await asked;
    expect(events).toEqual(['ask one', 'fail Error: no model', 'next']);
    expect(requests.isUnderWay).toBe(false);
  });

  it('make way for text that is seen where they hold none of it', async () => {
    const { requests, answers } = byHand();
    const asked = requests.ask(seen('one'));
    requests.makeWay(seen('one'));
    expect(answers[0]!.isCancelled()).toBe(false);
    requests.makeWay(seen('two'));
    expect(answers[0]!.isCancelled()).toBe(true);
    answers[0]!.settle();
    await asked;

    const ahead = requests.ask({ ...seen('three'), visible: false });
    requests.makeWay(seen('three'));
    expect(answers[1]!.isCancelled()).toBe(true);
    answers[1]!.settle();
    await ahead;
  });

  it('can be asked for in the turn in which the one before was answered', async () => {
    const { requests, events, answers } = byHand(({ segments: [segment] }) => {
      if (segment!.text === 'one') void requests.ask(seen('two'));
    });
    const asked = requests.ask(seen('one'));
    answers[0]!.settle();
    await asked;
    expect(events).toEqual(['ask one', 'next', 'ask two', 'show']);
    expect(requests.isUnderWay).toBe(true);
  });
});
