/** Neovim, a client that is not ours, with the configuration of docs/editors.md. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../server/foundation/package-root.ts';
import { Desk, documented, TEXT } from './editor.ts';

interface Seen {
  readonly error?: string;
  readonly hover: readonly string[];
  readonly actions: readonly string[];
  readonly lens: string;
  readonly tokens: readonly number[];
  readonly edited: readonly number[];
  readonly undone: readonly number[];
  readonly hints: readonly { readonly label: string; readonly position: { readonly line: number } }[];
}

const found = spawnSync('nvim', ['--version'], { encoding: 'utf8' });
const version = found.error === undefined ? /^NVIM v(\d+)\.(\d+)/.exec(found.stdout) : null;
const minor = version === null ? 0 : 100 * Number(version[1]) + Number(version[2]);

/** The configuration that the documentation gives for this version. */
function documentedConfiguration(): string {
  const blocks = documented('lua');
  return [blocks[minor >= 8 ? 0 : 1]!, blocks[2]!].join('\n');
}

// range_code_action and buf_get_clients, which the script uses, are those of 0.7 to 0.9.
const isThere = minor >= 7 && minor < 10 && process.platform !== 'win32';
const reason = version === null ? 'nvim is not installed' : `this nvim is ${version[0]}, 0.7 to 0.9 is needed`;

describe.skipIf(!isThere)(isThere ? 'Neovim' : `Neovim (skipped: ${reason})`, () => {
  const desk = new Desk();
  afterAll(() => {
    desk.remove();
  });

  it('hovers, acts, paints and follows edits with the documented configuration', async () => {
    const work = desk.at('work');
    mkdirSync(work);
    writeFileSync(join(work, 'notes.txt'), TEXT);
    writeFileSync(desk.at('init.lua'), documentedConfiguration());
    const results = desk.at('seen.json');
    const script = join(packageRoot, 'test', 'lsp', 'neovim.lua');
    const words = ['--headless', '-n', '-i', 'NONE', '-u', desk.at('init.lua')];
    const child = spawn('nvim', [...words, '--cmd', `let g:ssae_results = '${results}'`, '-c', `luafile ${script}`], {
      cwd: work,
      env: {
        ...desk.environmentWithCommand(),
        ...{ XDG_CONFIG_HOME: desk.at('c'), XDG_DATA_HOME: desk.at('d'), XDG_CACHE_HOME: desk.at('h') },
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    await new Promise((settle) => child.once('exit', settle));

    const seen = JSON.parse(readFileSync(results, 'utf8')) as Seen;
    expect(seen.error, said).toBeUndefined();
    expect(seen.hover.join('\n')).toMatch(/builtin-gsae: \d+ features fire, error ‖x − x̂‖² [^]*#\d+ .*█/);
    expect(seen.actions[0]).toBe('Add selection to seed set seeds');
    expect(seen.actions.some((title) => title.startsWith('Paint feature #'))).toBe(true);
    expect(JSON.parse(readFileSync(join(work, '.ssae', 'seeds', 'seeds.jsonl'), 'utf8'))).toMatchObject({
      text: 'lichen',
      from: { file: 'notes.txt' },
    });
    expect(seen.lens).toMatch(/^builtin · builtin-gsae · /);
    expect(seen.tokens.length).toBeGreaterThan(0);
    expect(seen.edited).not.toEqual(seen.tokens);
    expect(seen.undone).toEqual(seen.tokens);
    const hinted = seen.hints.map(({ position }) => position.line);
    expect(hinted.length).toBeGreaterThan(0);
    expect([0, 2]).toEqual(expect.arrayContaining(hinted));
  }, 180_000);
});
