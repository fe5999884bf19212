/** The thread that reads, shuffles and scales rows, so that the trainer's thread only takes batches that are made. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../foundation/errors.ts';
import type { FromBatchThread, ToBatchThread } from './batch-messages.ts';
import type { Batch, RowSource } from './batches.ts';
import { rowSource, type RowSourceData } from './row-source.ts';

const port = parentPort!;

function send(message: FromBatchThread): void {
  const arrays = message.kind === 'batch' ? Object.values(message.batch) : [];
  const buffers = arrays.flatMap((array: Batch[keyof Batch]) => (array === null ? [] : [array.buffer as ArrayBuffer]));
  port.postMessage(message, buffers);
}

let source: RowSource | null = null;

async function answer(message: ToBatchThread): Promise<void> {
  try {
    source ??= rowSource(workerData as RowSourceData);
    if (message.kind === 'deal')
      send({ kind: 'batch', batch: await source.deal(message.tokens, message.scale, message.step) });
    else {
      await source.seek(message.position);
      send({ kind: 'there' });
    }
  } catch (error) {
    send({ kind: 'failed', message: messageOf(error) });
  }
}

let last = Promise.resolve();
port.on('message', (message: ToBatchThread) => {
  last = last.then(() => answer(message));
});
