/** One thread of the WebAssembly engine. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { startInstance, type WasmAnswer, type WasmExports, type WasmRequest } from './wasm-exports.ts';
import { messageOf } from '../foundation/errors.ts';

const { thread } = workerData as { readonly thread: number };
const instances = new Map<number, WasmExports>();

// On Linux the priority is a thread's own; elsewhere it would slow the whole process.
if (process.platform === 'linux') setPriority(10);

function handle(request: WasmRequest): void {
  switch (request.kind) {
    case 'open':
      instances.set(request.id, startInstance(request.module, request.memory, thread));
      return;
    case 'run':
      instances.get(request.id)!.runCall(request.call, thread);
      return;
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
