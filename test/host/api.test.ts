import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { SsaeStudioApi } from '../../client/api.ts';

describe('the API for other extensions', () => {
  const api = async (): Promise<SsaeStudioApi> => {
    const extension = vscode.extensions.getExtension<SsaeStudioApi>('ssae-studio.ssae-studio');
    assert.ok(extension);
    return extension.activate();
  };

  it('reads the activations of a text', async () => {
    const studio = await api();
    assert.equal(studio.version, 1);
    assert.equal(studio.dictionary, 'builtin-gsae');
    const text = 'Light bends near a mass.';
    const tokens = await studio.readActivations(text, { top: 3 });
    assert.equal(tokens.map(({ start, end }) => text.slice(start, end)).join(''), text);
    for (const { start, end, features } of tokens) if (end > start) assert.equal(features.length, 3);
  });

  it('gives up a long text, whenever it is cancelled', async () => {
    const studio = await api();
    const text = 'Light bends near the mass of a distant galaxy. '.repeat(2000);
    for (const milliseconds of [null, 0, 100]) {
      const source = new vscode.CancellationTokenSource();
      const started = performance.now();
      if (milliseconds === null) source.cancel();
      else
        setTimeout(() => {
          source.cancel();
        }, milliseconds);
      await assert.rejects(studio.readActivations(text, {}, source.token), vscode.CancellationError);
      assert.ok(performance.now() - started < 2000, `cancelled after ${milliseconds} ms`);
    }
  });

  it('finds the features of a text, and says what was wrong with a call', async () => {
    const studio = await api();
    const features = await studio.findFeatures('a telescope sees a quasar', 'the committee votes');
    assert.ok(features.length > 0);
    assert.ok(features[0]!.score >= features.at(-1)!.score);
    await assert.rejects(studio.readActivations('x', { dictionary: 'nowhere' }), /dictionary is "nowhere"/);
  });
});
