import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import * as vscode from 'vscode';

const ID = 'ssae-studio.ssae-studio';

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string }[] };
}

function installed(): vscode.Extension<unknown> {
  const extension = vscode.extensions.getExtension(ID);
  assert.ok(extension, `${ID} is installed`);
  return extension;
}

describe('the installed extension', () => {
  it('comes from its package, not from the sources', () => {
    assert.match(installed().extensionPath, /[/\\]extensions[/\\]ssae-studio\.ssae-studio-/);
  });

  it('activates, and says how long it took', async () => {
    const extension = installed();
    const wasActive = extension.isActive;
    const started = performance.now();
    await extension.activate();
    console.log(`      activate: ${Math.round(performance.now() - started)} ms${wasActive ? ' (was active)' : ''}`);
    assert.equal(extension.isActive, true);
  });

  it('registers every command that it contributes', async () => {
    await installed().activate();
    const { contributes } = installed().packageJSON as Manifest;
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.ok(contributes.commands.length > 0);
    assert.deepEqual(
      contributes.commands.map(({ command }) => command).filter((command) => !registered.has(command)),
      [],
    );
  });
});
