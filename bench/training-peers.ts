/** Other people's training step, and dense PyTorch's encoding, as programs that answer each "step" with its time. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineArchitecture } from '../server/compute/engine.ts';
import { packageRoot, shippedFile } from '../server/foundation/package-root.ts';
import { AnsweringProgram } from './answering-program.ts';

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

/** One step of a peer's trainer. */
export function peerStep(python: string, name: PeerName, sizes: Sizes, threads: number): AnsweringProgram {
  return program(python, name, 'training_step.py', [name, sizes.architecture], sizes, threads);
}

/** Dense PyTorch's TopK features of a batch. */
export function torchEncoding(python: string, sizes: Sizes, threads: number): AnsweringProgram {
  return program(python, 'torch', 'encoding.py', [], sizes, threads);
}

function program(
  python: string,
  name: PeerName,
  file: string,
  given: readonly string[],
  { batch, dIn, dSae, k }: Sizes,
  threads: number,
): AnsweringProgram {
  const sizes = [batch, dIn, dSae, k === 0 ? 100 : k, threads].map(String);
  return new AnsweringProgram(`the peer ${name}`, python, [shippedFile('bench', 'peers', file), ...given, ...sizes]);
}
