/** Other people's training step, as a program that answers each "step" with its time. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EngineArchitecture } from '../server/compute/engine.ts';
import { WorkError } from '../server/foundation/errors.ts';
import { packageRoot, shippedFile } from '../server/foundation/package-root.ts';

export interface Measured {
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
  /** Null where the peer does not tell. */
  readonly l0: number | null;
}

/** One side of a comparison: a step, measured. */
export interface Side extends AsyncDisposable {
  step(): Promise<Measured>;
}

export type PeerName = 'torch' | 'sae_lens' | 'dictionary_learning' | 'sparsify';

const ALL: readonly EngineArchitecture['kind'][] = ['topk', 'batchtopk', 'matryoshka', 'relu', 'jumprelu', 'gated'];
export const PEERS: readonly {
  readonly name: PeerName;
  readonly architectures: readonly EngineArchitecture['kind'][];
}[] = [
  { name: 'torch', architectures: ALL },
  { name: 'sae_lens', architectures: ALL },
  { name: 'dictionary_learning', architectures: ALL },
  { name: 'sparsify', architectures: ['topk'] },
];

export function peersPython(): string | null {
  const places = [
    process.env['SSAE_PEERS_PYTHON'],
    join(packageRoot, '..', '.venv-peers', 'bin', 'python'),
    join(packageRoot, '..', '..', '.venv-peers', 'bin', 'python'),
  ];
  return places.find((path) => path !== undefined && existsSync(path)) ?? null;
}

interface Sizes {
  readonly architecture: string;
  readonly batch: number;
  readonly dIn: number;
  readonly dSae: number;
  readonly k: number;
}

export class PeerSide implements Side {
  readonly #name: PeerName;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string, undefined>;
  #complaint = '';

  constructor(python: string, name: PeerName, { architecture, batch, dIn, dSae, k }: Sizes, threads: number) {
    const sizes = [batch, dIn, dSae, k === 0 ? 100 : k, threads].map(String);
    this.#name = name;
    this.#process = spawn(python, [shippedFile('bench', 'peers', 'training_step.py'), name, architecture, ...sizes]);
    this.#process.stderr.on('data', (data: Buffer) => (this.#complaint = data.toString()));
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async step(): Promise<Measured> {
    this.#process.stdin.write('step\n');
    const answer = await this.#answers.next();
    if (answer.done === true)
      throw new WorkError(`the peer ${this.#name} ended: ${this.#complaint.trim().split('\n').at(-1)}`);
    return JSON.parse(answer.value) as Measured;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    return Promise.resolve();
  }
}
