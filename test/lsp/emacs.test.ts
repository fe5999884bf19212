/** Emacs with eglot, a client that is not ours, with the configuration of docs/editors.md. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../server/foundation/package-root.ts';
import { Desk, documented, TEXT } from './editor.ts';

interface Seen {
  readonly hover: string;
  readonly actions: readonly string[];
}

const isThere = process.platform !== 'win32' && spawnSync('emacs', ['--batch', '-l', 'eglot']).status === 0;

describe.skipIf(!isThere)(isThere ? 'Emacs' : 'Emacs (skipped: no emacs with eglot is installed)', () => {
  const desk = new Desk();
  afterAll(() => {
    desk.remove();
  });

  it('hovers and adds a seed with the documented configuration', async () => {
    const work = desk.at('work');
    mkdirSync(work);
    writeFileSync(join(work, 'notes.txt'), TEXT);
    writeFileSync(desk.at('init.el'), documented('elisp')[0]!);
    const script = join(packageRoot, 'test', 'lsp', 'emacs.el');
    const words = ['--batch', '-l', desk.at('init.el'), '-l', script];
    const child = spawn('emacs', words, {
      cwd: work,
      env: { ...desk.environmentWithCommand(), HOME: desk.folder, SSAE_RESULTS: desk.at('seen.json') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    const status = await new Promise((settle) => child.once('exit', settle));

    expect(status, said).toBe(0);
    const seen = JSON.parse(readFileSync(desk.at('seen.json'), 'utf8')) as Seen;
    expect(seen.hover).toMatch(/builtin-gsae: \d+ features fire, error ‖x − x̂‖² [^]*#\d+ .*█/);
    expect(seen.actions[0]).toBe('Add selection to seed set seeds');
    const stored = readFileSync(join(work, '.ssae', 'seeds', 'seeds.jsonl'), 'utf8');
    expect(JSON.parse(stored)).toMatchObject({ text: 'lichen' });
  }, 180_000);
});
