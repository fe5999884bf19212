import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from './cli-surroundings.ts';

const folder = mkdtempSync(join(tmpdir(), 'ssae-cli-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const other = join(folder, 'other.txt');
writeFileSync(other, 'law');

const textFeatures = {
  ...{ dictionary: 'd', tokens: 3, tokensAgainst: 1, formula: 'F' },
  features: [
    {
      ...{ feature: 7, label: 'heat', mean: 0.5, maximum: 2, share: 0.25, meanAgainst: 0, density: 0.001, score: 2.5 },
    },
  ],
};

describe('the feature commands', () => {
  it.each<[string, string[], string, unknown]>([
    ['search d "heat engine"', ['search', 'd', 'heat engine'], 'searchFeatures', { query: 'heat engine', limit: 50 }],
    ['search without a query', ['search', 'd', '--limit', '5'], 'searchFeatures', { query: '', limit: 5 }],
    ['similar', ['similar', 'd', '412'], 'similarFeatures', { feature: 412, limit: 20 }],
    ['label', ['label', 'd', '412', ' heat '], 'labelFeature', { feature: 412, label: 'heat' }],
    ['label --remove', ['label', 'd', '412', '--remove'], 'labelFeature', { feature: 412, label: null }],
  ])('%s', async (_, words, service, request) => {
    const { status, calls } = await run(['feature', ...words], {
      answers: { searchFeatures: [], similarFeatures: [] },
    });
    expect({ status, calls }).toEqual({
      status: 0,
      calls: [{ service, request: { dictionary: 'd', ...(request as object) } }],
    });
  });

  it('search by the text of stdin against that of a file', async () => {
    const { output, calls } = await run(['feature', 'search', 'd', '--text', '-', '--against', other], {
      input: 'entropy',
      answers: { textFeatures },
    });
    expect(calls).toEqual([
      { service: 'textFeatures', request: { dictionary: 'd', text: 'entropy', against: 'law', limit: 50 } },
    ]);
    expect(output).toContain('3 tokens against 1 token; score = F');
    expect(output).toMatch(/7 +2\.500 +0\.5000 +0 +2 +25 % +0\.1000 % +heat/);
  });

  it.each<[string, string[], RegExp]>([
    ['a query beside a text', ['search', 'd', 'heat', '--text', other], /<query> is "heat" and --text is/],
    ['a contrast without a text', ['search', 'd', '--against', other], /--against is .* it needs --text/],
    ['stdin for both texts', ['search', 'd', '--text', '-', '--against', '-'], /stdin holds one text/],
    ['no label', ['label', 'd', '1'], /\[text\] is missing; expected a label, or --remove/],
    ['a label beside --remove', ['label', 'd', '1', 'x', '--remove'], /\[text\] is "x" beside --remove/],
    ['an empty label', ['label', 'd', '1', '  '], /\[text\] is/],
  ])('refuse %s', async (_, words, message) => {
    const { status, errors, calls } = await run(['feature', ...words]);
    expect({ status, calls }).toEqual({ status: 2, calls: [] });
    expect(errors).toMatch(message);
  });
});

describe('ssae steer', () => {
  const steered = {
    ...{ dictionary: 'd', feature: 3, strength: -5, prompt: 'The heat', divergence: 0.25, seconds: 1 },
    ...{ without: ' of a gas', with: ' of\na court' },
  };

  it('shows the two continuations beside each other', async () => {
    const words = ['steer', '--dictionary', 'd', '--feature', '3', '--strength', '-5', '--tokens', '7', 'The heat'];
    const { status, output, calls } = await run(words, { answers: { steer: steered } });
    const request = {
      dictionary: 'd',
      feature: 3,
      strength: -5,
      prompt: 'The heat',
      tokens: 7,
      temperature: 0,
      seed: 0,
    };
    expect({ status, calls }).toEqual({ status: 0, calls: [{ service: 'steer', request }] });
    expect(output).toMatch(/without +with -5 × feature 3\nof a gas +of a court/);
    expect(JSON.parse((await run([...words, '--json'], { answers: { steer: steered } })).output)).toEqual(steered);
  });
});

it('ssae dictionary count says what it counted', async () => {
  const counted = { dictionary: 'd', corpus: 'c', tokens: 1000, silent: 2, median: 0.01 };
  const { output, calls } = await run(['dictionary', 'count', 'd', '--corpus', 'c', '--tokens', '1e3'], {
    answers: { countDensities: counted },
  });
  expect(calls).toEqual([{ service: 'countDensities', request: { dictionary: 'd', corpus: 'c', tokens: 1000 } }]);
  expect(output).toContain('the median feature fires on 1 % of them, 2 on none');
});
