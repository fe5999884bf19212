import assert from 'node:assert/strict';
import * as vscode from 'vscode';

const ID = 'ssae-studio.ssae-studio';

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string }[] };
}

/** Times that VS Code takes down itself, in milliseconds since the extension host began. */
interface PerformanceMarks {
  getMarks(): readonly { readonly name: string; readonly startTime: number }[];
}

function timeBetween(from: string, to: string): number {
  const { MonacoPerformanceMarks } = globalThis as unknown as { readonly MonacoPerformanceMarks: PerformanceMarks };
  const at = (name: string): number => {
    const mark = MonacoPerformanceMarks.getMarks().find((each) => each.name === `code/extHost/${name}/${ID}`);
    assert.ok(mark, `VS Code marked ${name}`);
    return mark.startTime;
  };
  return at(to) - at(from);
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
    await installed().activate();
    const milliseconds = (what: string): string => timeBetween(`will${what}`, `did${what}`).toFixed(1);
    console.log(
      `      load: ${milliseconds('LoadExtensionCode')} ms, activate: ${milliseconds('ActivateExtension')} ms`,
    );
    assert.equal(installed().isActive, true);
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
