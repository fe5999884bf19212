/** One thread of the WebAssembly engine. On Linux it has the priority of the thread that starts it: a job's are below the daemon's. */
import { parentPort, workerData } from 'node:worker_threads';
import { startInstance, type WasmAnswer, type WasmExports, type WasmRequest } from './wasm-exports.ts';
import { messageOf } from '../foundation/errors.ts';

const { thread } = workerData as { readonly thread: number };
interface Room {
  readonly memory: WebAssembly.Memory;
  readonly exports: WasmExports;
}

const rooms = new Map<number, Room>();

function handle(request: WasmRequest): void {
  switch (request.kind) {
    case 'open': {
      const { id, module, memory } = request;
      rooms.set(id, { memory, exports: startInstance(module, memory, thread) });
      return;
    }
    case 'run': {
      const { memory, exports } = rooms.get(request.id)!;
      memory.grow(0); // The main thread may have grown the memory: this makes the instance read its length again.
      exports.runCall(request.call, thread);
      return;
    }
    default:
      request satisfies never;
  }
}

parentPort!.on('message', (request: WasmRequest) => {
  let answer: WasmAnswer = { ok: true };
  try {
    handle(request);
  } catch (error) {
    answer = { ok: false, reason: messageOf(error) };
  }
  parentPort!.postMessage(answer);
});
