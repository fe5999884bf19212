import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../foundation/errors.ts';
import type { FromModelThread, ModelThreadData, ToModelThread } from './model-request.ts';
import { ModelRunner, type OpenWork } from './model-runner.ts';
import { ModelSessions } from './model-sessions.ts';

/**
 * The model's thread. onnxruntime blocks the thread that it runs on, so every model has one of its own; between two batches it
 * reads its messages, and the work with the fewest batches left goes first: a query does not wait for a harvest.
 */
const port = parentPort!;
const { folder, file, threads } = workerData as ModelThreadData;
const open = new Map<number, OpenWork>();
let running = false;

function send(message: FromModelThread, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function runBatch(runner: ModelRunner, id: number, work: OpenWork): Promise<void> {
  try {
    if (work.batches.length > 0 || work.work.part.kind === 'unembedding') await runner.step(work);
    if (work.batches.length > 0 || !open.has(id)) return;
    const buffers = Object.values(work.outputs).flatMap((rows) => rows.map(({ buffer }) => buffer as ArrayBuffer));
    send({ kind: 'done', id, outputs: work.outputs }, buffers);
  } catch (error) {
    send({ kind: 'failed', id, message: messageOf(error) });
  }
  open.delete(id);
}

async function drain(runner: ModelRunner): Promise<void> {
  if (running) return;
  running = true;
  while (open.size > 0) {
    const [id, work] = [...open].reduce((least, one) =>
      one[1].batches.length < least[1].batches.length ? one : least,
    );
    await runBatch(runner, id, work);
    await nextTurn();
  }
  running = false;
}

try {
  const sessions = await ModelSessions.open(folder, file, threads);
  const runner = new ModelRunner(sessions);
  port.on('message', (message: ToModelThread) => {
    if (message.kind === 'abort') open.delete(message.id);
    else {
      open.set(message.id, runner.open(message.work));
      void drain(runner);
    }
  });
  const { graph, stream, logitsWidth } = sessions.cut;
  send({ kind: 'ready', hookPoints: stream.hookPoints, logitsWidth, weightFiles: graph.weightFiles() });
} catch (error) {
  send({ kind: 'broken', message: messageOf(error) });
}
