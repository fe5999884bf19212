/** The thread that reads, shuffles and scales rows, so that the trainer's thread only takes batches that are made. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../foundation/errors.ts';
import type { BatchThreadData, FromBatchThread, ToBatchThread } from './batch-messages.ts';
import { BatchSource } from './batches.ts';

const port = parentPort!;
const { data, training, options } = workerData as BatchThreadData;

function send(message: FromBatchThread): void {
  const { values = null, targets = null, rows = null } = message.kind === 'batch' ? message.batch : {};
  const buffers = [values, targets, rows].flatMap((array) => (array === null ? [] : [array.buffer as ArrayBuffer]));
  port.postMessage(message, buffers);
}

let source: BatchSource | null = null;

async function answer(message: ToBatchThread): Promise<void> {
  try {
    source ??= new BatchSource(data, training, options);
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
