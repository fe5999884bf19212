import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { SsaeStudioApi } from '../../client/api.ts';

/** As another extension gets it. */
async function studio(): Promise<SsaeStudioApi> {
  const extension = vscode.extensions.getExtension<SsaeStudioApi>('ssae-studio.ssae-studio');
  assert.ok(extension, 'the extension is installed');
  return extension.activate();
}

const TEXT = 'The quark is bound by gluons inside the proton.';

describe('the interface for other extensions', () => {
  it('names its version and the current dictionary', async () => {
    const api = await studio();
    assert.equal(api.version, 1);
    assert.equal(api.currentDictionary, 'builtin-gsae');
    const { exports } = vscode.extensions.getExtension<SsaeStudioApi>('ssae-studio.ssae-studio')!;
    assert.equal(exports, api);
  });

  it('reads the features of a text, token by token', async () => {
    const { dictionary, tokens } = await (await studio()).readActivations(TEXT, { top: 3 });
    assert.equal(dictionary, 'builtin-gsae');
    assert.ok(tokens.length >= 9);
    for (const { text, start, end, features, reconstructionError } of tokens) {
      assert.equal(TEXT.slice(start, end), text);
      assert.ok(features.length <= 3 && reconstructionError >= 0);
      const activations = features.map(({ activation }) => activation);
      assert.deepEqual(
        activations,
        activations.toSorted((a, b) => b - a),
      );
    }
  });

  it('reads only the features that are asked for', async () => {
    const api = await studio();
    const { tokens } = await api.readActivations(TEXT, { top: 1 });
    const { feature } = tokens.at(-1)!.features[0]!;
    const only = await api.readActivations(TEXT, { features: [feature] });
    assert.deepEqual(
      [...new Set(only.tokens.flatMap(({ features }) => features.map((each) => each.feature)))],
      [feature],
    );
  });

  it('says what is wrong with a dictionary that is not there', async () => {
    const api = await studio();
    await assert.rejects(api.readActivations(TEXT, { dictionary: 'no-such' }), /no-such/);
  });

  it('gives up when its token is cancelled', async () => {
    const api = await studio();
    const { token, cancel } = cancelled();
    const reading = api.readActivations(TEXT.repeat(2000), { token });
    cancel();
    await assert.rejects(reading);
  });

  it('tells of another dictionary, and shows a document with its features', async () => {
    const api = await studio();
    const { uri } = await vscode.workspace.openTextDocument({ content: TEXT });
    await api.highlight(uri);
    assert.equal(vscode.window.activeTextEditor?.document.uri.toString(), uri.toString());
    const told = new Promise<string>((settle) => {
      const subscription = api.onDidChangeDictionary((name) => {
        subscription.dispose();
        settle(name);
      });
    });
    const settings = vscode.workspace.getConfiguration('ssae');
    await settings.update('dictionary', 'another', vscode.ConfigurationTarget.Global);
    assert.equal(await told, 'another');
    await settings.update('dictionary', undefined, vscode.ConfigurationTarget.Global);
  });
});

function cancelled(): { readonly token: vscode.CancellationToken; readonly cancel: () => void } {
  const source = new vscode.CancellationTokenSource();
  return {
    token: source.token,
    cancel: () => {
      source.cancel();
    },
  };
}
