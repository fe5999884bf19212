import { describe, expect, it } from 'vitest';
import { Interrupted, WorkError } from '../server/foundation/errors.ts';
import { run } from './cli-surroundings.ts';

const TRAIN = ['train', '--activations', 'acts.safetensors', '-o', './out', '--d-sae', '64'];
describe('a wrong call ends with status 2 and says', () => {
  it.each<[string, string[], RegExp]>([
    ['the nearest command', ['corpsu', 'add'], /"corpsu" is no command of ssae.*Nearest: corpus/],
    ['the nearest command of a family', ['corpus', 'lst'], /"lst" is no command of ssae corpus.*Nearest: list/],
    ['the nearest option', ['corpus', 'list', '--jsn'], /"--jsn" is no option of ssae corpus list\. Nearest: --json/],
    ['the misspelt option rather than the missing one', ['eval', 'd', '--corpsu', 'c'], /Nearest: --corpus/],
    [
      'the nearest arm',
      ['retrieve', '--seeds', 's', '--corpus', 'c', '--arm', 'bm52', '--tokens', '9'],
      /--arm is "bm52".*Nearest: bm25/,
    ],
    ['that a number is none', [...TRAIN, '--batch', '12abc'], /--batch is "12abc"; expected a whole number/],
    ['that a number is not whole', [...TRAIN, '--batch', '1.5'], /--batch is "1.5"; expected a whole number/],
    ['that a number is hexadecimal', [...TRAIN, '--lr', '0x1'], /--lr is "0x1"; expected a number above 0/],
    ['that a number is out of range', [...TRAIN, '--batch', '0'], /--batch is "0".*from 1 to 1048576/],
    ['both of --k and --d-sae', [...TRAIN, '--k', '65'], /--k is 65, above --d-sae, which is 64/],
    ['what does not apply to the architecture', [...TRAIN, '--l1', '5'], /--l1 is 5.*--architecture topk/],
    [
      'what does not apply to the features of a transcoder',
      [...TRAIN, '--architecture', 'transcoder', '--k', '5'],
      /--k is 5.*transcoder with --features relu/,
    ],
    [
      'which penalties there are',
      [...TRAIN, '--architecture', 'jumprelu', '--penalty', 'plain'],
      /--penalty is "plain" with jumprelu features; expected step or tanh/,
    ],
    [
      'that a target takes the place of a penalty',
      [...TRAIN, '--architecture', 'jumprelu', '--penalty', 'step', '--target-l0', '8'],
      /--penalty is step and --target-l0 is 8/,
    ],
    [
      'that widths are given or made',
      [...TRAIN, '--architecture', 'matryoshka', '--widths', '8,64', '--levels', '2'],
      /expected no --levels/,
    ],
    [
      'which option is missing',
      ['train', '--d-sae', '8', '-o', 'x'],
      /nothing to train on.*--corpus, --selection, --activations/,
    ],
    ['which options exclude each other', [...TRAIN, '--tilt', '1', '--tau', '1'], /--tilt is 1 and --tau is 1/],
    ['that TERM needs a tilt', [...TRAIN, '--objective', 'term'], /--objective term needs a tilt/],
    [
      'that an arm needs a dictionary',
      ['retrieve', '--seeds', 's', '--corpus', 'c', '--arm', 'bm25+tracin', '--tokens', '9'],
      /--dictionary is missing/,
    ],
    ['which argument is missing', ['seeds', 'show'], /<seeds> is missing; expected: ssae seeds show/],
    ['which argument is too many', ['seeds', 'show', 'a', 'b'], /"b" is one argument too many/],
    [
      'that a value is missing',
      ['inspect', 'x', '--dictionary'],
      /--dictionary <dictionary> was given without its value/,
    ],
    ['that a file does not exist', ['inspect', 'no/such.txt', '--dictionary', 'd'], /"no\/such.txt" does not exist/],
    [
      'that a condition lacks its value',
      ['eval', 'd', '--corpus', 'c', '--where', 'domain'],
      /--where is "domain"; expected FIELD=VALUE/,
    ],
    ['that ids are none', ['model', 'run', 'm', '--ids', '1,x', '-o', 'f'], /--ids is "x"/],
    ['that a value fails the schema', [...TRAIN, '--held-out', '1'], /--held-out is 1:/],
  ])('%s', async (_, words, message) => {
    const { status, output, errors, calls } = await run(words);
    expect(errors).toMatch(message);
    expect(errors).toMatch(/See: ssae.*--help/);
    expect(status).toBe(2);
    expect(output).toBe('');
    expect(calls).toEqual([]);
  });
});

describe('options become the request that the daemon would check too', () => {
  it('of training on activations', async () => {
    const { calls } = await run(
      [...TRAIN, '--k', '8', '--tokens', '1e6', '--batch', '4_096', '--tau', '1', '--seed', '3'],
      {
        answers: { train: new WorkError('stop here') },
      },
    );
    expect(calls).toHaveLength(1);
    expect(calls[0]!.request).toMatchObject({
      data: { kind: 'activations', hookPoint: null },
      architecture: { kind: 'topk', k: 8, auxiliaryLoss: true },
      objective: { kind: 'term', tilt: { kind: 'relative', tau: 1 }, tilts: 'loss' },
      dSae: 64,
      tokens: 1_000_000,
      batch: 4096,
      seed: 3,
      output: './out',
      resume: false,
    });
  });

  it.each<[string[], object]>([
    [
      ['matryoshka', '--k', '8', '--widths', '16,64'],
      { kind: 'matryoshka', k: 8, prefixes: { kind: 'widths', widths: [16, 64] }, auxiliaryLoss: true },
    ],
    [['matryoshka', '--sample-prefixes'], { k: 32, prefixes: { kind: 'sampled', levels: 5 } }],
    [['batchtopk', '--rescale', '--no-revival'], { k: 32, rescaledByDecoderNorm: true, auxiliaryLoss: false }],
    [['relu', '--penalty', 'plain'], { kind: 'relu', l1: null, penalty: 'plain', resampling: true }],
    [['gated', '--l1', '2', '--variant', 'saelens'], { kind: 'gated', l1: 2, variant: 'saelens' }],
    [
      ['jumprelu', '--target-l0', '20', '--bandwidth', '0.1'],
      { penalty: { kind: 'target_l0', target: 20, coefficient: null }, bandwidth: 0.1, initialThreshold: null },
    ],
    [
      ['jumprelu', '--penalty', 'tanh', '--l1', '0.5', '--input-gradient'],
      { penalty: { kind: 'tanh', coefficient: 0.5, scale: 4 }, straightThroughToInput: true },
    ],
    [
      ['transcoder', '--features', 'batchtopk', '--k', '4', '--skip'],
      { kind: 'transcoder', features: { kind: 'batchtopk', k: 4 }, skip: true },
    ],
  ])('of the architecture: %j', async (words, architecture) => {
    const { calls } = await run([...TRAIN, '--architecture', ...words], { answers: { train: new WorkError('') } });
    expect(calls[0]!.request).toMatchObject({ architecture });
  });

  it('of finetuning, with model and hook point of the dictionary', async () => {
    const { calls } = await run(['finetune', '--from', 'g', '--selection', 's', '-o', 'x'], {
      answers: {
        showDictionary: { model: 'builtin', hookPoint: 'blocks.2.hook_resid_post' },
        finetune: new WorkError(''),
      },
    });
    expect(calls.map(({ service }) => service)).toEqual(['showDictionary', 'finetune']);
    expect(calls[1]!.request).toMatchObject({
      data: { kind: 'selection', model: 'builtin', hookPoint: 'blocks.2.hook_resid_post', selection: 's' },
      objective: { kind: 'erm' },
      mode: 'finetune',
    });
  });

  it('of retrieval, with pinned and struck passages', async () => {
    const words = ['retrieve', '--seeds', 's', '--corpus', 'c', '--arm', 'bm25', '--tokens', '9'];
    const decisions = ['--pin', 'b', '--pin', 'a', '--strike', 'x'];
    const { calls } = await run([...words, ...decisions], { answers: { retrieve: new WorkError('') } });
    expect(calls[0]!.request).toMatchObject({ pinned: ['b', 'a'], struck: ['x'], output: null });
  });

  it('of browsing', async () => {
    const found = { corpus: 'c', query: 'heat', offset: 50, total: 52, capped: false };
    const passage = { id: 'ab', text: 'x\ny', tokens: 2, source: 'f', document: '1', start: 0, end: 3, line: 7 };
    const answers = { browseCorpus: { ...found, passages: [{ ...passage, fields: {}, score: 1.5 }] } };
    const words = ['corpus', 'browse', 'c', '--query', 'heat', '--offset', '50'];
    const { calls, output } = await run(words, { answers });
    expect(calls[0]!.request).toEqual({ corpus: 'c', query: 'heat', offset: 50, limit: 50 });
    expect(output).toMatch(/51 +1\.500 +2 +ab +f:7 +x/);
    expect(output).toContain('51 to 51 of 52 passages for "heat"');
  });

  it('of evaluation, with repeated options', async () => {
    const words = [
      'eval',
      'd',
      '--corpus',
      'c',
      '--where',
      'domain=a=b',
      '--exclude-seeds',
      's',
      '--exclude-seeds',
      't',
    ];
    const { calls } = await run(words, { answers: { evaluate: new WorkError('') } });
    expect(calls[0]!.request).toMatchObject({
      where: { domain: 'a=b' },
      exclude: { selections: [], seeds: ['s', 't'] },
      baseline: null,
      tokens: 20_000,
    });
  });
});

describe('exit status', () => {
  it('is 1 when the work failed, with nothing on stdout', async () => {
    const ran = await run(['corpus', 'list', '--json'], {
      answers: { listCorpora: new WorkError('the disk is full') },
    });
    expect(ran).toMatchObject({ status: 1, output: '', errors: 'ssae: the disk is full\n' });
  });

  it('is 130 when the work was interrupted, with the way to go on', async () => {
    const ran = await run(TRAIN, { answers: { train: new Interrupted('a checkpoint is in ./out') } });
    expect(ran.status).toBe(130);
    expect(ran.errors).toContain('a checkpoint is in ./out');
    expect(ran.errors).toContain(`Go on with: ssae ${TRAIN.join(' ')} --resume\n`);
  });
});

it('--json prints one document and --jsonl one object a line', async () => {
  const hit = { rank: 1, score: 2.5, id: 'a', text: 'x\ny', source: 's', tokens: 3 };
  const result = {
    arm: 'bm25',
    corpus: 'c',
    seeds: 's',
    tokens: 3,
    passages: 1,
    overlapDropped: 0,
    seconds: 0,
    hits: [hit, hit],
  };
  const words = ['retrieve', '--seeds', 's', '--corpus', 'c', '--arm', 'bm25', '--tokens', '9'];
  const answers = { retrieve: result };
  expect(JSON.parse((await run([...words, '--json'], { answers })).output)).toEqual(result);
  const lines = (await run([...words, '--jsonl'], { answers })).output.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([hit, hit]);
});
