import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';
import { Home } from '../server/foundation/home.ts';
import type { JobControl } from '../server/foundation/progress.ts';
import type { ReportData } from '../server/protocol/report.ts';
import type { ReplayResult, RunDetail, RunResult, RunSummary } from '../server/protocol/runs.ts';
import { openServices } from '../server/services/studio.ts';
import { Installation } from './fixtures/end-to-end/installation.ts';

const installation = new Installation();
/** Milliseconds for a test that trains; other work may have the processor. */
const PATIENCE = 240_000;

afterAll(() => {
  installation.remove();
});

const experiment = {
  corpora: {
    village: { sources: ['general.txt', 'lichens.txt'], unit: 'paragraph' },
    held: { sources: ['lichens-held-out.txt'], unit: 'paragraph' },
  },
  corpus: 'village',
  seeds: { lichens: { files: ['lichen-seeds.txt'] } },
  arms: ['bm25'],
  selection: { tokens: 300 },
  objectives: [{ kind: 'term', tau: 0.5 }],
  training: { tokens: 2000, batch: 128 },
  evaluation: { domain: { corpus: 'held' } },
};

function write(name: string, change: object = {}): string {
  const file = installation.at(name);
  writeFileSync(file, JSON.stringify({ ...experiment, ...change }));
  return file;
}

beforeAll(() => {
  for (const name of ['general.txt', 'lichens.txt', 'lichens-held-out.txt', 'lichen-seeds.txt'])
    cpSync(join(packageRoot, 'test', 'fixtures', 'end-to-end', name), installation.at(name));
});

describe('an experiment', () => {
  let first: RunResult;
  beforeAll(() => {
    write('lichens.ssae.json');
    first = installation.answer<RunResult>('run', 'lichens.ssae.json');
  }, PATIENCE);

  it('is run with its controls, and ends with a report and a verdict', () => {
    expect(first).toMatchObject({
      run: 'lichens',
      experiment: 'lichens',
      folder: join(installation.home, 'runs', 'lichens'),
    });
    expect(first.steps.map(({ name, state, cached }) => [name, state, cached])).toEqual(
      [
        ...['corpus village', 'corpus held', 'seeds lichens', 'retrieve bm25', 'retrieve random_s0'],
        ...['finetune bm25_erm_s0', 'finetune bm25_term-tau0.5_s0', 'finetune random_erm_s0'],
        ...['bm25_erm_s0', 'bm25_term-tau0.5_s0', 'random_erm_s0'].map((id) => `evaluate ${id} on domain text`),
        ...['compare bm25_erm_s0_against_random', 'compare bm25_term-tau0.5_s0_against_erm', 'report'],
      ].map((name) => [name, 'done', false]),
    );
    expect(first.verdict).toMatch(/^Specialising \(bm25, mean loss\) changes .* against builtin-gsae\.$/m);
    expect(first.verdict).toContain('Retrieved against random text of equal tokens: bm25');
    const data = JSON.parse(readFileSync(join(first.folder, 'report.json'), 'utf8')) as ReportData;
    expect(data.verdict.join('\n')).toBe(first.verdict);
    expect(data.retrieval.map(({ precision }) => precision)).toEqual([null, null]);
    expect(readFileSync(first.report, 'utf8')).toContain('<title>lichens</title>');
    const manifest = JSON.parse(readFileSync(join(first.folder, 'manifest.json'), 'utf8')) as {
      kind: string;
      files: Record<string, string>;
      inputs: unknown[];
    };
    expect(manifest).toMatchObject({ kind: 'run', seed: [0] });
    expect(Object.keys(manifest.files)).toContain('dictionaries/random_erm_s0/sae_weights.safetensors');
    expect(manifest.inputs).toHaveLength(6);
  });

  it('is listed and shown with every metric', () => {
    const [run] = installation.answer<RunSummary[]>('runs', 'list');
    expect(run).toMatchObject({ run: 'lichens', state: 'done', stepsDone: 14, steps: 14 });
    const { metrics, verdict, steps } = installation.answer<RunDetail>('runs', 'show', 'lichens');
    expect(verdict).toBe(first.verdict);
    expect(steps).toEqual(first.steps);
    expect(metrics.map(({ dictionary, arm, baseline }) => [dictionary, arm, baseline])).toEqual([
      ['bm25_erm_s0', 'bm25', 'builtin-gsae'],
      ['bm25_term-tau0.5_s0', 'bm25', 'builtin-gsae'],
      ['random_erm_s0', 'random', 'builtin-gsae'],
    ]);
    expect(metrics[0]!.metrics['explained_variance']!.difference).not.toBeNull();
  });

  it('is not done again when nothing changed, also by another file that asks for the same', () => {
    const again = installation.answer<RunResult>('run', 'lichens.ssae.json');
    expect(again.run).toBe('lichens');
    expect(again.steps.every(({ cached }) => cached)).toBe(true);
    expect(again.verdict).toBe(first.verdict);
    write('other.ssae.json');
    const other = installation.answer<RunResult>('run', 'other.ssae.json');
    expect(other.run).toBe('other');
    expect(other.steps.filter(({ cached }) => !cached).map(({ name }) => name)).toEqual(['report']);
  });

  it('that asks for something else is another run, and does only what is new', () => {
    const evaluation = { domain: { corpus: 'held', tokens: 30 } };
    write('other.ssae.json', { evaluation, controls: false, objectives: [{ kind: 'erm' }] });
    const changed = installation.answer<RunResult>('run', 'other.ssae.json');
    expect(changed.run).toBe('other-2');
    expect(changed.steps.filter(({ cached }) => !cached).map(({ name }) => name)).toEqual([
      ...['evaluate bm25_erm_s0 on domain text', 'report'],
    ]);
    expect(changed.verdict).toContain('There is no random arm to compare with');
    expect(existsSync(join(installation.home, 'runs', 'other', 'manifest.json'))).toBe(true);
  });

  it(
    'is replayed to the same bytes, and says which file was changed',
    () => {
      const ended = installation.run(['replay', 'lichens']);
      expect([ended.status, ended.stderr.includes('ssae:')]).toEqual([0, false]);
      const lines = ended.stdout.trim().split('\n');
      expect(lines.at(-1)).toBe('identical');
      expect(lines).toContain('identical  dictionaries/bm25_erm_s0/sae_weights.safetensors');
      expect(readdirSync(join(installation.home, 'runs')).filter((name) => name.startsWith('.'))).toEqual([]);
      const spoiled = join(installation.home, 'runs', 'other-2', 'evaluations', 'bm25_erm_s0.domain.json');
      writeFileSync(spoiled, readFileSync(spoiled, 'utf8').replace('"value":', '"value": '));
      const differing = installation.run(['replay', 'other-2', '--json']);
      expect(differing.status).toBe(1);
      const { identical, files } = JSON.parse(differing.stdout) as ReplayResult;
      expect(identical).toBe(false);
      expect(files.filter(({ state }) => state !== 'identical').map(({ path, state }) => [path, state])).toEqual([
        ['evaluations/bm25_erm_s0.domain.json', 'changed'],
      ]);
    },
    PATIENCE,
  );

  it(
    'adds features, or trains some alone, with general text mixed in, and its report says so',
    () => {
      installation.answer('corpus', 'add', 'prose', 'general.txt', '--unit', 'paragraph');
      const place = ['--model', 'builtin', '--hook', 'blocks.2.hook_resid_post', '--corpus', 'prose'];
      const shape = ['--architecture', 'relu', '--l1', '0.1', '--d-sae', '64'];
      installation.answer('train', ...place, ...shape, '--tokens', '4000', '--batch', '128', '-o', 'general-relu');
      writeFileSync(installation.at('features.txt'), '3, 17\n63\n');
      const file = {
        dictionary: 'general-relu',
        ...{ controls: false, objectives: [{ kind: 'erm' }], sweep: { mode: ['residual', 'partial'] } },
        training: {
          ...experiment.training,
          ...{ residualFeatures: 32, trainLatents: 'features.txt', mix: { corpus: 'prose', share: 0.5 } },
        },
      };
      write('modes.ssae.json', file);
      const run = installation.answer<RunResult>('run', 'modes.ssae.json');
      const data = JSON.parse(readFileSync(join(run.folder, 'report.json'), 'utf8')) as ReportData;
      const words = Object.fromEntries(data.dictionaries.map(({ name, description }) => [name, description]));
      expect(words['bm25_erm_residual_s0']).toMatch(
        /^residual: 32 features added to general-relu, which stays as it is, trained, with 50 % of every batch from prose, on what bm25/,
      );
      expect(words['bm25_erm_partial_s0']).toMatch(
        /^partial: 3 chosen features of general-relu, the others as they are/,
      );
      const configOf = (id: string): Record<string, unknown> =>
        (
          JSON.parse(readFileSync(join(run.folder, 'dictionaries', id, 'manifest.json'), 'utf8')) as RunResult & {
            config: Record<string, unknown>;
          }
        ).config;
      expect(configOf('bm25_erm_residual_s0')).toMatchObject({ method: 'residual', residualOf: 64 });
      expect(configOf('bm25_erm_partial_s0')).toMatchObject({ method: 'partial', trainedFeatures: 3 });
      expect(run.verdict).toContain('bm25_erm_residual');

      writeFileSync(installation.at('features.txt'), '3, 17, 18\n');
      const other = installation.answer<RunResult>('run', 'modes.ssae.json');
      expect(other.run).toBe('modes-2');
      expect(other.steps.filter(({ name, cached }) => name.startsWith('finetune') && !cached)).toMatchObject([
        { name: 'finetune bm25_erm_partial_s0' },
      ]);
      writeFileSync(installation.at('features.txt'), '64\n');
      const refused = installation.run(['run', 'modes.ssae.json']);
      expect(refused.stdout).toBe('');
      expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('feature 64')]);
      write('modes.ssae.json', {
        ...file,
        dictionary: 'builtin-gsae',
        sweep: { mode: ['residual'] },
        training: { residualFeatures: 8 },
      });
      const topk = installation.run(['run', 'modes.ssae.json']);
      expect([topk.status, topk.stderr]).toEqual([2, expect.stringContaining('compete for k places')]);
    },
    PATIENCE,
  );

  it('writes its report anew, where it is wanted', () => {
    installation.answer('report', 'lichens', '-o', 'sent.html');
    expect(readFileSync(installation.at('sent.html'), 'utf8')).toBe(readFileSync(first.report, 'utf8'));
    expect(installation.run(['report', 'lichens', '-o', 'sent.txt']).status).toBe(2);
    expect(installation.run(['report', 'lichnes']).stderr).toContain('Nearest: lichens');
  });

  it('whose text has changed is a new run, and its old one cannot be replayed', () => {
    writeFileSync(
      installation.at('general.txt'),
      `${readFileSync(installation.at('general.txt'), 'utf8')}\n\nOne more.`,
    );
    const { status, stdout } = installation.run(['replay', 'lichens']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^changed {4}source .*general\.txt: the run recorded \w{12}, there is \w{12} now$/m);
    expect(stdout.trim().split('\n').at(-1)).toMatch(/^differs: source .*general\.txt \(what the run read has changed/);
    expect(installation.answer<RunResult>('run', 'lichens.ssae.json').run).toBe('lichens-2');
    installation.answer('runs', 'remove', 'lichens-2');
    expect(existsSync(join(installation.home, 'runs', 'lichens-2'))).toBe(false);
    expect(installation.run(['runs', 'remove', '../home']).status).toBe(2);
  });

  it(
    'that is stopped goes on where it was',
    async () => {
      const training = { tokens: 20_000, batch: 128 };
      const file = write('stopped.ssae.json', { randomSeeds: [7], training, controls: false });
      const stop = new AbortController();
      const seen: string[] = [];
      const control: JobControl = {
        signal: stop.signal,
        report: ({ stage, done }) => {
          seen.push(stage);
          if (stage.includes('finetune bm25_term-tau0.5_s7: training') && done > 20) stop.abort();
        },
      };
      await using services = openServices(new Home(installation.home));
      await expect(services.runExperiment({ file, output: null }, control)).rejects.toThrow(
        'the same command goes on where it stopped',
      );
      expect(seen).toContain('5/7 finetune bm25_term-tau0.5_s7: training');
      expect(await services.showRun('stopped')).toMatchObject({ state: 'unfinished', verdict: null, report: null });
      const checkpoint = join(
        installation.home,
        'runs',
        'stopped',
        'dictionaries',
        'bm25_term-tau0.5_s7.checkpoint.safetensors',
      );
      expect(statSync(checkpoint).isFile()).toBe(true);
      const later: number[] = [];
      const onward: JobControl = {
        signal: new AbortController().signal,
        report: ({ stage, done }) => {
          if (stage.includes('finetune bm25_term-tau0.5_s7: training')) later.push(done);
        },
      };
      const { steps } = await services.runExperiment({ file, output: null }, onward);
      expect(steps.map(({ cached }) => cached)).toEqual([true, true, true, true, false, false, false]);
      expect(later[0]).toBeGreaterThan(20);
      later.length = 0;
      expect(existsSync(checkpoint)).toBe(false);
      // A run that was never stopped gives the same bytes.
      expect((await services.replayRun({ run: 'stopped' }, onward)).identical).toBe(true);
      expect(later[0]).toBeLessThan(20);
    },
    PATIENCE,
  );
});

describe('an experiment that cannot be run', () => {
  const refused = (change: object, message: RegExp): void => {
    write('wrong.ssae.json', change);
    const { status, stdout, stderr } = installation.run(['run', 'wrong.ssae.json']);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(existsSync(join(installation.home, 'runs', 'wrong'))).toBe(false);
  };

  it('says what it lacks before anything is computed', () => {
    refused(
      { corpus: 'vilage' },
      /corpus is "vilage", which does not exist; expected one of: village, held[^.]*\. Nearest: village/,
    );
    refused({ dictionary: 'builtin-gase' }, /Nearest: builtin-gsae/);
    refused(
      { hookPoint: 'blocks.0.hook_resid_post' },
      /hookPoint is "blocks\.0\.hook_resid_post", but .* reads blocks\.2/,
    );
    refused({ seeds: { lichens: { files: ['none.txt'] } } }, /none\.txt", which cannot be read/);
    refused({ corpora: { ...experiment.corpora, village: { sources: ['nope/*.txt'] } } }, /matches no file/);
    refused({ arms: ['bm25', 'desne'] }, /arms\[1\] is "desne"; expected one of: .*Nearest: dense/);
  });

  it('does not write over what is there', () => {
    const { status, stderr } = installation.run(['run', write('lichens.ssae.json'), '-o', installation.at()]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('name another folder')]);
  });
});
