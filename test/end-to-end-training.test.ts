import { existsSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../server/foundation/random.ts';
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
  /** Milliseconds until the command ends, or is killed. @returns whether it was killed */
  async function killAfter(milliseconds: number, words: readonly string[]): Promise<boolean> {
    const { child, ended } = installation.start(...words);
    const killed = await Promise.race([ended.then(() => false), sleep(milliseconds, true)]);
    child.kill('SIGKILL');
    await ended;
    return killed;
  }

  it.each(engines.map(({ name }) => name))(
    'killed with kill -9 at ten random moments, ends with the same bytes: engine %s',
    { timeout: 180_000 },
    async (engine) => {
      const file = await installation.activations(`rows-${engine}.safetensors`, 4000, 32);
      const shape = ['--d-sae', '128', '--k', '8', '--batch', '128', '--tokens', '400000', '--tau', '0.5'];
      const words = ['train', '--activations', file, ...shape, '--engine', engine, '--checkpoint', '10'];
      const started = performance.now();
      installation.answer(...words, '-o', installation.at(`whole-${engine}`));
      const whole = performance.now() - started;
      const output = installation.at(`killed-${engine}`);
      const seed = Date.now() % 2 ** 31;
      const random = new Random(seed);
      let kills = 0;
      // Starting takes part of each third of the run, so ten of them rarely make all of it; one that gets to the end begins anew.
      while (kills < 10) {
        if (await killAfter((random.uniform() * whole) / 3, [...words, '--resume', '-o', output])) kills++;
        else rmSync(output, { recursive: true });
      }
      expect(existsSync(output)).toBe(false);
      installation.answer(...words, '--resume', '-o', output);
      const weights = (folder: string): Buffer =>
        readFileSync(installation.at(`${folder}-${engine}`, 'sae_weights.safetensors'));
      expect(weights('killed').equals(weights('whole')), `moments of seed ${seed}`).toBe(true);
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
