/** A program that answers each "step" with its time, as a side of a comparison. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { WorkError } from '../server/foundation/errors.ts';
import type { Measured, Side } from './rounds.ts';

export class AnsweringProgram implements Side {
  readonly #name: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string, undefined>;
  #complaint = '';

  /** @param name for messages */
  constructor(name: string, program: string, options: readonly string[]) {
    this.#name = name;
    this.#process = spawn(program, options);
    this.#process.stderr.on('data', (data: Buffer) => (this.#complaint = data.toString()));
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async step(): Promise<Measured> {
    this.#process.stdin.write('step\n');
    const answer = await this.#answers.next();
    if (answer.done === true) throw new WorkError(`${this.#name} ended: ${this.#complaint.trim().split('\n').at(-1)}`);
    return JSON.parse(answer.value) as Measured;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    return Promise.resolve();
  }
}
