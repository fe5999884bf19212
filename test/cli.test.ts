import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot, productVersion } from '../server/foundation/package-root.ts';
import { CliCommand } from '../server/cli/cli-command.ts';
import { buildProgram } from '../server/cli/program.ts';
import { renderReference } from '../server/cli/reference.ts';
import { shellInMemory } from './cli-surroundings.ts';

const program = join(packageRoot, 'dist', 'server', 'cli.js');
const home = mkdtempSync(join(tmpdir(), 'ssae-home-'));

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

function ssae(words: readonly string[], variables: Record<string, string> = {}, input: string | Uint8Array = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
    env: { ...process.env, SSAE_HOME: home, NO_COLOR: '', FORCE_COLOR: '', ...variables },
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the program as people start it', () => {
  it('tells its version', () => {
    expect(ssae(['--version'])).toEqual({ status: 0, stdout: `${productVersion}\n`, stderr: '' });
  });

  it('explains a wrong call on stderr and ends with status 2', () => {
    const { status, stdout, stderr } = ssae(['inspekt', 'x']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('Nearest: inspect');
  });

  it('refuses text that is not UTF-8 with status 1, naming the byte', () => {
    const { status, stdout, stderr } = ssae(['inspect', '-', '--dictionary', 'd'], {}, Uint8Array.from([0x61, 0xff]));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('stdin is not valid UTF-8 at byte 1');
  });

  it('shows colours only where they are wanted', () => {
    const escape = '\u001B[';
    expect(ssae(['corpus', '--help'], { FORCE_COLOR: '3' }).stdout).toContain(escape);
    expect(ssae(['corpus', '--help'], { FORCE_COLOR: '3', NO_COLOR: '1' }).stdout).not.toContain(escape);
    expect(ssae(['corpus', '--help', '--no-color'], { FORCE_COLOR: '3' }).stdout).not.toContain(escape);
  });

  it.skipIf(process.platform === 'win32')('ends with status 130 on Ctrl-C', async () => {
    const child = spawn(process.execPath, [program, 'inspect', '-', '--dictionary', 'd', '--verbose'], {
      env: { ...process.env, SSAE_HOME: home },
    });
    const ended = new Promise<number | null>((settle) => child.once('exit', settle));
    // Waits for stdin; by the time its first bytes are taken, the signal is listened to.
    await new Promise<void>((settle) =>
      child.stdin.write('x'.repeat(1 << 20), () => {
        settle();
      }),
    );
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });
});

describe('help', () => {
  const tree = buildProgram(shellInMemory([]));
  const visit = (command: CliCommand): CliCommand[] => [
    command,
    ...command.commands.filter((child) => child instanceof CliCommand).flatMap(visit),
  ];

  it.each(visit(tree).map((command) => [command.name(), command] as const))(
    'of %s has a description, examples and fits 80 columns',
    (_, command) => {
      expect(command.description()).not.toBe('');
      expect(command.examples.length).toBeGreaterThan(0);
      for (const option of command.options) expect(option.description, option.flags).not.toBe('');
      expect(
        command
          .helpInformation()
          .split('\n')
          .every((line) => line.length <= 80),
      ).toBe(true);
    },
  );

  it('is also docs/cli.md, made anew with: npx vitest run test/cli.test.ts -u', async () => {
    await expect(renderReference(tree)).toMatchFileSnapshot('../docs/cli.md');
  });

  it('gives examples that the program accepts', async () => {
    for (const { line } of visit(tree).flatMap(({ examples }) => examples)) {
      const called = /(?:^|\| |\$\()ssae ([^|>)]*)/.exec(line)?.[1] ?? '';
      const words = [...called.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
      const parsing = buildProgram(shellInMemory(words));
      for (const command of visit(parsing)) if (command.commands.length === 0) command.action(() => undefined);
      if (!words.includes('--help')) await parsing.parseAsync(words, { from: 'user' });
    }
  });
});

describe('completion', () => {
  let script: string;
  beforeAll(() => {
    script = ssae(['completion', 'bash']).stdout;
  });
  const hasBash = spawnSync('bash', ['--version']).status === 0;

  /** What bash would offer for the last of the words. */
  function offered(words: readonly string[]): string[] {
    const setUp = `ssae() { '${process.execPath}' '${program}' "$@"; }; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`;
    const path = join(home, 'complete.sh');
    writeFileSync(path, `${script}\n${setUp}\n_ssae\nprintf '%s\\n' "\${COMPREPLY[@]}"`);
    return execFileSync('bash', [path], { env: { ...process.env, SSAE_HOME: home }, encoding: 'utf8' })
      .split('\n')
      .filter((word) => word !== '');
  }

  it.skipIf(!hasBash)('for bash is valid and offers commands, options, choices and names', () => {
    expect(offered(['ssae', 'cor'])).toEqual(['corpus']);
    expect(offered(['ssae', 'corpus', ''])).toEqual(['add', 'list', 'show', 'remove', 'browse']);
    expect(offered(['ssae', 'train', '--d'])).toEqual(['--d-sae', '--decay', '--detach']);
    expect(offered(['ssae', 'retrieve', '--arm', 'dense'])).toEqual(['dense', 'dense+tracin']);
    expect(offered(['ssae', 'eval', 'x', '--baseline', 'built'])).toEqual(['builtin-gsae']);
  });

  it.each(['zsh', 'fish'])('for %s names every command', (shell) => {
    const { stdout, status } = ssae(['completion', shell]);
    expect(status).toBe(0);
    for (const name of ['finetune', 'corpus', 'inspect']) expect(stdout).toContain(name);
    if (spawnSync(shell, ['--version']).status === 0)
      expect(spawnSync(shell, ['-n'], { input: stdout }).status).toBe(0);
  });
});
