import { existsSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { DoctorResult, EncodeResult, TrainResult } from '../server/protocol/results.ts';
import { Installation } from './fixtures/end-to-end/installation.ts';

const installation = new Installation();
// TensorFlow.js's own CPU backend takes minutes for these steps; tensorflow-engine.test.ts goes on from its states.
const engines = installation
  .answer<DoctorResult>('doctor')
  .engines.filter(({ name, available }) => available && name !== 'tensorflow');

afterAll(() => {
  installation.remove();
});

describe('training in a process of its own', () => {
  /** Starts the command, and kills it when its checkpoint was replaced so often. */
  async function killAfter(checkpoints: number, output: string, words: readonly string[]): Promise<void> {
    const file = `${output}.checkpoint.safetensors`;
    const written = (): number => (existsSync(file) ? statSync(file).mtimeMs : 0);
    const { child, ended } = installation.start(...words, '-o', output);
    let last = written();
    let seen = 0;
    while (seen < checkpoints && child.exitCode === null) {
      await sleep(1);
      const now = written();
      if (now !== last) seen++;
      last = now;
    }
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(output)).toBe(false);
  }

  it.each(engines.map(({ name }) => name))(
    'killed twice with kill -9, at its start and well on, ends with the same bytes: engine %s',
    async (engine) => {
      const file = await installation.activations('rows.safetensors', 4000, 32);
      const shape = ['--d-sae', '128', '--k', '8', '--batch', '128', '--tokens', '200000', '--tau', '0.5'];
      const words = ['train', '--activations', file, ...shape, '--engine', engine, '--checkpoint', '10'];
      installation.answer(...words, '-o', installation.at(`whole-${engine}`));
      const output = installation.at(`killed-${engine}`);
      await killAfter(1, output, words);
      await killAfter(4, output, [...words, '--resume']);
      installation.answer(...words, '--resume', '-o', output);
      const weights = (folder: string): Buffer =>
        readFileSync(installation.at(`${folder}-${engine}`, 'sae_weights.safetensors'));
      expect(weights('killed').equals(weights('whole'))).toBe(true);
      expect(existsSync(`${output}.checkpoint.safetensors`)).toBe(false);
    },
  );
});

describe('every architecture', () => {
  it.each([
    ['topk', '--k', '4'],
    ['batchtopk', '--k', '4', '--rescale'],
    ['matryoshka', '--k', '4', '--sample-prefixes'],
    ['relu', '--penalty', 'plain'],
    ['jumprelu', '--target-l0', '4'],
    ['gated', '--l1', '1'],
    ['transcoder', '--features', 'batchtopk', '--skip', '--k', '4'],
  ])('%s is trained, finetuned and encoded with', async (architecture, ...options) => {
    const file = await installation.activations(`${architecture}.safetensors`, 1000, 16);
    const data = ['--activations', file, ...(architecture === 'transcoder' ? ['--targets', file] : [])];
    const run = ['--batch', '64', '--tokens', '3000', '--tau', '0.1'];
    const general = installation.at(architecture);
    const shape = ['--architecture', architecture, '--d-sae', '64', ...options];
    const trained = installation.answer<TrainResult>('train', ...data, ...shape, ...run, '-o', general);
    expect(trained).toMatchObject({ architecture, dIn: 16, dSae: 64 });
    const tuned = installation.at(`${architecture}-tuned`);
    const words = ['finetune', '--from', general, ...data, ...run, '-o', tuned];
    expect(installation.answer<TrainResult>(...words)).toMatchObject({ architecture, dIn: 16, dSae: 64 });
    const encode = [
      'dictionary',
      'encode',
      tuned,
      '--activations',
      file,
      '-o',
      installation.at('features.safetensors'),
    ];
    expect(installation.answer<EncodeResult>(...encode).tokens).toBe(1000);
  });
});

describe('memory', () => {
  const D_IN = 256;

  /** Writes `activations` [rows, 256] block by block: the file is larger than what the test may hold. */
  async function largeFile(name: string, rows: number): Promise<string> {
    const header = JSON.stringify({
      activations: { dtype: 'F32', shape: [rows, D_IN], data_offsets: [0, rows * D_IN * 4] },
    });
    const prefix = Buffer.alloc(8 + Math.ceil(header.length / 8) * 8, ' ');
    prefix.writeBigUInt64LE(BigInt(prefix.length - 8));
    prefix.write(header, 8);
    const block = Float32Array.from({ length: 1000 * D_IN }, (_, i) => Math.sin(i * 1.7) + Math.cos(i * i * 0.013));
    await using file = await open(installation.at(name), 'w');
    await file.write(prefix);
    for (let row = 0; row < rows; row += 1000) await file.write(block);
    return installation.at(name);
  }

  /** Most resident memory of a training run that visits every row once, bytes. */
  async function peak(rows: number): Promise<number> {
    const file = await largeFile(`${rows}.safetensors`, rows);
    const words = ['train', '--activations', file, '--d-sae', '32', '--k', '4', '--batch', '4096'];
    const report = 'process.on("exit", () => console.error("peak", process.resourceUsage().maxRSS))';
    const { status, stderr } = installation.run([...words, '--tokens', String(rows), '--quiet', '-o', `of-${rows}`], {
      node: ['--import', `data:text/javascript,${encodeURIComponent(report)}`],
    });
    expect(status, stderr).toBe(0);
    return Number(/peak (\d+)/.exec(stderr)![1]) * 1024;
  }

  it.skipIf(process.platform !== 'linux')('of training does not grow with the rows of the file', async () => {
    const [small, large] = [await peak(100_000), await peak(600_000)];
    console.log(`peak memory: ${small / 2 ** 20} MiB for 98 MiB of rows, ${large / 2 ** 20} MiB for 586 MiB`);
    expect(large).toBeLessThan(1.6 * small);
  });
});
