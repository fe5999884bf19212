import { Worker } from 'node:worker_threads';
import { CallQueue } from './call-queue.ts';
import type { WasmAnswer, WasmRequest } from './wasm-exports.ts';
import { WorkError } from '../foundation/errors.ts';
import { workerBundle } from '../foundation/package-root.ts';

/** The worker threads of one WebAssembly engine. They keep the process alive only while a request is under way. */
export class WasmThreads implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  readonly #queue = new CallQueue();
  #broken: Error | null = null;
  #fail: (error: Error) => void = () => undefined;

  constructor(count: number) {
    this.#workers = Array.from({ length: count }, (_, thread) => {
      const worker = new Worker(workerBundle('sae-kernels'), { workerData: { thread } });
      worker.on('error', (error) => {
        this.#break(error);
      });
      worker.unref();
      return worker;
    });
  }

  get count(): number {
    return this.#workers.length;
  }

  /** A thread that died leaves the others waiting for it at a barrier: all are stopped. */
  #break(error: Error): void {
    this.#broken ??= new WorkError(`the WebAssembly engine broke: ${error.message}`, { cause: error });
    this.#fail(this.#broken);
    for (const worker of this.#workers) void worker.terminate();
  }

  /** Sends the request to every thread and waits for all answers, after the requests before it. */
  ask(request: WasmRequest): Promise<void> {
    return this.#queue.run(() => this.#ask(request));
  }

  async #ask(request: WasmRequest): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    for (const worker of this.#workers) worker.ref();
    try {
      await new Promise<void>((resolve, reject) => {
        let waiting = this.#workers.length;
        this.#fail = reject;
        for (const worker of this.#workers) {
          worker.once('message', (answer: WasmAnswer) => {
            if (!answer.ok) this.#break(new Error(answer.reason));
            else if (--waiting === 0) resolve();
          });
          worker.postMessage(request);
        }
      });
    } finally {
      for (const worker of this.#workers) worker.unref();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.run(async () => {
      this.#broken ??= new WorkError('the engine was disposed of');
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
    });
  }
}
