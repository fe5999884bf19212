import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../daemon/workbench.ts';
import { Desk, type Editor, TEXT } from './editor.ts';

interface Place {
  readonly line: number;
  readonly character: number;
}
interface Ranged {
  readonly range: { readonly start: Place; readonly end: Place };
}
interface Action {
  readonly title: string;
  readonly kind: string;
  readonly command: { readonly command: string; readonly arguments: readonly unknown[] };
}

const desk = new Desk();
let editor: Editor;

const of = (uri: string) => ({ textDocument: { uri } });
const at = (uri: string, line: number, character: number) => ({ ...of(uri), position: { line, character } });
const lines = (from: number, to: number) => ({ start: { line: from, character: 0 }, end: { line: to, character: 0 } });

beforeAll(async () => {
  editor = desk.start();
  await editor.initialize({ initializationOptions: { measure: 'strongest' } });
});
afterAll(() => {
  desk.remove();
});

describe('the language server', () => {
  it('says what it can do', async () => {
    const other = desk.start();
    const { capabilities } = await other.initialize();
    expect(capabilities).toMatchObject({
      positionEncoding: 'utf-16',
      textDocumentSync: { openClose: true, change: 2 },
      semanticTokensProvider: { legend: { tokenTypes: ['1', '2', '3', '4', '5'].map((n) => `ssaeActivation${n}`) } },
    });
    expect(await other.quit()).toBe(0);
  });

  it('shows the strongest features of the token under the cursor', async () => {
    await editor.open('untitled:hover', TEXT);
    const hover = await editor.ask<{ contents: { kind: string; value: string } } & Ranged>(
      'textDocument/hover',
      at('untitled:hover', 0, 7),
    );
    expect(hover.contents.kind).toBe('markdown');
    expect(hover.contents.value).toMatch(
      /^```text\n".*"\nbuiltin-gsae: \d+ features fire, error ‖x − x̂‖² [\d.e+]+\n#\d+ /,
    );
    expect(hover.contents.value.split('\n').filter((line) => line.startsWith('#'))).toHaveLength(8);
    const { start, end } = hover.range;
    expect(start.line).toBe(0);
    expect(start.character).toBeLessThanOrEqual(7);
    expect(end.character).toBeGreaterThan(7);
    expect(await editor.ask('textDocument/hover', at('untitled:hover', 99, 0))).toBeNull();
  });

  it('puts hints behind the strongest token of each line, within the range only', async () => {
    await editor.open('untitled:hints', TEXT);
    const hints = await editor.ask<{ position: Place; label: string }[]>('textDocument/inlayHint', {
      ...of('untitled:hints'),
      range: lines(0, 1),
    });
    expect(hints).toHaveLength(1);
    expect(hints[0]!.position.line).toBe(0);
    expect(hints[0]!.label).toMatch(/^#\d+ .*\d$/);
    await editor.tell('workspace/didChangeConfiguration', { settings: { ssae: { inlayHints: false } } });
    expect(await editor.ask('textDocument/inlayHint', { ...of('untitled:hints'), range: lines(0, 4) })).toEqual([]);
    await editor.tell('workspace/didChangeConfiguration', { settings: { ssae: { inlayHints: true } } });
  });

  it('paints after an edit what a fresh document is painted with, also as edits and as a range', async () => {
    const long = TEXT.repeat(12);
    await editor.open('untitled:edited', long);
    const first = await editor.ask<{ resultId: string; data: number[] }>(
      'textDocument/semanticTokens/full',
      of('untitled:edited'),
    );
    expect(first.data.length).toBeGreaterThan(100);
    await editor.edit('untitled:edited', 9, 4, 13, 'microscope');
    const delta = await editor.ask<{ edits: { start: number; deleteCount: number; data?: number[] }[] }>(
      'textDocument/semanticTokens/full/delta',
      { ...of('untitled:edited'), previousResultId: first.resultId },
    );
    const edited = [...first.data];
    for (const { start, deleteCount, data } of delta.edits) edited.splice(start, deleteCount, ...(data ?? []));
    const changed = long.split('\n');
    changed[9] = changed[9]!.replace('telescope', 'microscope');
    await editor.open('untitled:fresh', changed.join('\n'));
    const fresh = await editor.ask<{ data: number[] }>('textDocument/semanticTokens/full', of('untitled:fresh'));
    expect(edited).toEqual(fresh.data);
    expect(edited).not.toEqual(first.data);
    const range = await editor.ask<{ data: number[] }>('textDocument/semanticTokens/range', {
      ...of('untitled:fresh'),
      range: lines(0, 10_000),
    });
    expect(range.data).toEqual(fresh.data);
  });

  it('paints text of records only, without quotes and other fields', async () => {
    const record = JSON.stringify({ id: 'telescope galaxy telescope', text: 'A "distant"\ngalaxy' });
    await editor.open('untitled:a.jsonl', `${record}\n${record}\n`);
    const { data } = await editor.ask<{ data: number[] }>('textDocument/semanticTokens/full', of('untitled:a.jsonl'));
    const begin = record.indexOf('A \\"');
    let [line, character] = [0, 0];
    for (let i = 0; i < data.length; i += 5) {
      character = data[i]! > 0 ? data[i + 1]! : character + data[i + 1]!;
      line += data[i]!;
      expect(character).toBeGreaterThanOrEqual(begin);
      expect(character + data[i + 2]!).toBeLessThan(record.length - 1);
    }
    expect(line).toBe(1);
  });

  it('has a lens for the document and one for each record, which paints its feature', async () => {
    await editor.open('untitled:b.csv', 'id,text\n1,"A galaxy\nfar away"\n2,bark and stone\n');
    const lenses = await editor.ask<(Ranged & { command?: { title: string } })[]>(
      'textDocument/codeLens',
      of('untitled:b.csv'),
    );
    expect(lenses.map(({ range }) => range.start.line)).toEqual([0, 1, 3]);
    expect(lenses[0]!.command!.title).toMatch(/^builtin · builtin-gsae · /);
    const resolved = await editor.ask<{ command: { title: string; command: string; arguments: unknown[] } }>(
      'codeLens/resolve',
      lenses[1],
    );
    expect(resolved.command).toMatchObject({ command: 'ssae.useMeasure' });
    expect(resolved.command.title).toMatch(/^#\d+ .* on ".*"$/);
    editor.asked.length = 0;
    await editor.ask('workspace/executeCommand', resolved.command);
    await until('the client is asked to refresh', () => editor.asked.includes('workspace/semanticTokens/refresh'));
    const [first] = await editor.ask<{ command: { title: string } }[]>('textDocument/codeLens', of('untitled:b.csv'));
    expect(first!.command.title).toMatch(/ · features \d+$/);
    await editor.ask('workspace/executeCommand', { command: 'ssae.useMeasure', arguments: [{ measure: 'strongest' }] });
  });

  it('highlights the tokens where the feature under the cursor fires, the token among them', async () => {
    await editor.open('untitled:highlight', TEXT);
    const found = await editor.ask<Ranged[]>('textDocument/documentHighlight', at('untitled:highlight', 0, 7));
    expect(
      found.some(({ range: { start, end } }) => start.line === 0 && start.character <= 7 && end.character > 7),
    ).toBe(true);
  });

  it('adds a selection to a seed set of the workspace, and to the home where there is none', async () => {
    mkdirSync(desk.at('work'));
    const other = desk.start();
    const workspaceFolders = [{ uri: desk.uri('work'), name: 'work' }];
    await other.initialize({ workspaceFolders });
    for (const [each, uri] of [
      [other, desk.uri('work', 'a.txt')],
      [editor, desk.uri('b.txt')],
    ] as const) {
      await each.open(uri, TEXT);
      const selection = { start: { line: 2, character: 1 }, end: { line: 2, character: 8 } };
      const actions = await each.ask<Action[]>('textDocument/codeAction', {
        ...of(uri),
        ...{ range: selection, context: { diagnostics: [], only: ['ssae.seeds'] } },
      });
      expect(actions.map(({ title }) => title)).toEqual(['Add selection to seed set seeds']);
      expect(await each.ask('workspace/executeCommand', actions[0]!.command)).toMatchObject({ seeds: 1 });
      await until('the set is announced', () =>
        each.messages.some(({ message }) => message === 'Seed set seeds has 1 seed.'),
      );
    }
    const stored = JSON.parse(readFileSync(desk.at('work', '.ssae', 'seeds', 'seeds.jsonl'), 'utf8')) as unknown;
    const start = TEXT.indexOf(' lichen') + 1;
    expect(stored).toEqual({ text: 'lichen', from: { file: 'a.txt', start, end: start + 6 } });
    expect(existsSync(desk.at('home', 'seeds', 'seeds.jsonl'))).toBe(true);
    expect(await other.quit()).toBe(0);
  });

  it('offers features of the token and other dictionaries, and hides a feature', async () => {
    await editor.open('untitled:actions', TEXT);
    const ask = (): Promise<Action[]> =>
      editor.ask('textDocument/codeAction', {
        ...of('untitled:actions'),
        ...{
          range: { start: { line: 0, character: 7 }, end: { line: 0, character: 7 } },
          context: { diagnostics: [] },
        },
      });
    const hide = (await ask()).find(({ title }) => title.startsWith('Hide feature #'))!;
    await editor.ask('workspace/executeCommand', hide.command);
    expect((await ask()).map(({ title }) => title)).not.toContain(hide.title);
    await editor.tell('workspace/didChangeConfiguration', { settings: { ssae: { hidden: [] } } });
    expect((await ask()).map(({ title }) => title)).toContain(hide.title);
  });

  it('tells of a wrong setting once and keeps the right ones', async () => {
    const other = desk.start();
    await other.initialize({ initializationOptions: { codeLens: false, 'hover.features': 'many' } });
    for (let i = 0; i < 3; i++)
      await other.tell('workspace/didChangeConfiguration', { settings: { ssae: { 'hover.features': 'many' } } });
    await other.open('untitled:x', TEXT);
    expect(await other.ask('textDocument/codeLens', of('untitled:x'))).toEqual([]);
    expect(other.messages).toHaveLength(1);
    expect(other.messages[0]).toMatchObject({ type: 2 });
    expect(other.messages[0]!.message).toContain('ssae.hover.features is "many"');
  });

  it('says once that a dictionary does not exist, and goes on without', async () => {
    const other = desk.start();
    await other.initialize({ initializationOptions: { dictionary: 'builtin-gsa' } });
    await other.open('untitled:x', TEXT);
    for (let i = 0; i < 3; i++)
      expect(await other.ask('textDocument/semanticTokens/full', of('untitled:x'))).toEqual({ data: [] });
    expect(other.messages).toHaveLength(1);
    expect(other.messages[0]!.message).toContain('Nearest: builtin-gsae');
    await expect(other.ask('textDocument/hover', at('untitled:x', 0, 1))).rejects.toThrow('Nearest: builtin-gsae');
    await other.ask('workspace/executeCommand', {
      command: 'ssae.useDictionary',
      arguments: [{ dictionary: 'builtin-gsae' }],
    });
    expect(await other.ask('textDocument/hover', at('untitled:x', 0, 1))).not.toBeNull();
  });

  it('answers a cancelled request at once, and one whose document changed as modified', async () => {
    const numbered = Array.from(
      { length: 1500 },
      (_, i) => `Line ${i} tells of galaxy ${i * 7919} and of its light.\n`,
    );
    await editor.open('untitled:long', numbered.join(''));
    await sleep(100);
    const asked = performance.now();
    const cancelled = editor.askAndCancel('textDocument/semanticTokens/full', of('untitled:long'), 100);
    await expect(cancelled).rejects.toMatchObject({ code: -32800 });
    expect(performance.now() - asked).toBeLessThan(1500);
    const modified = editor.ask('textDocument/semanticTokens/full', of('untitled:long'));
    const outcome = expect(modified).rejects.toMatchObject({ code: -32801 });
    await sleep(50);
    await editor.edit('untitled:long', 0, 0, 0, 'x');
    await outcome;
  });

  it('shows progress of a slow answer', async () => {
    editor.progress.length = 0;
    const text = Array.from({ length: 400 }, (_, i) => `Row ${i} tells of lichen ${i * 104_729}, of bark, of stone.\n`);
    await editor.open('untitled:slow', text.join(''));
    await editor.ask('textDocument/semanticTokens/full', of('untitled:slow'));
    await until('progress ends', () => editor.progress.at(-1) === 'end');
    expect(editor.progress[0]).toBe('begin');
    expect(editor.progress).toContain('report');
  });

  it('says that only the beginning of a long document is covered', async () => {
    await editor.open('untitled:huge', 'word '.repeat(30_000));
    await until('it is said', () => editor.messages.some(({ message }) => message.includes('untitled:huge is long')));
  });

  it('lives through malformed messages and parameters', async () => {
    const other = desk.start();
    await other.initialize({ capabilities: 5, workspaceFolders: 'none', initializationOptions: [1] });
    const send = (body: string): void => {
      other.child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    };
    for (const body of ['{', 'null', '[]', '5', '"x"', '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":{},"method":5}'])
      send(body);
    for (const params of [null, 5, {}, { textDocument: null }, { textDocument: { uri: 5 }, contentChanges: 1 }])
      for (const method of ['didOpen', 'didChange', 'didClose', 'didSave'])
        await other.tell(`textDocument/${method}`, params);
    await other.tell('workspace/didChangeConfiguration', null);
    await other.tell('$/cancelRequest', { id: [] });
    await other.open('untitled:x', TEXT);
    const wrong = [{}, { textDocument: 5 }, at('untitled:x', -1, 0), { ...of('untitled:x'), position: { line: 'a' } }];
    for (const params of wrong)
      await expect(other.ask('textDocument/hover', params)).rejects.toMatchObject({ code: -32602 });
    for (const method of ['inlayHint', 'codeAction', 'semanticTokens/range', 'documentHighlight'])
      await expect(other.ask(`textDocument/${method}`, of('untitled:x'))).rejects.toMatchObject({ code: -32602 });
    await expect(other.ask('codeLens/resolve', { range: lines(0, 0), data: 5 })).rejects.toMatchObject({
      code: -32602,
    });
    await expect(other.ask('workspace/executeCommand', { command: 'ssae.addSeed' })).rejects.toThrow('ssae.addSeeds');
    await expect(
      other.ask('workspace/executeCommand', { command: 'ssae.addSeeds', arguments: [{}] }),
    ).rejects.toMatchObject({ code: -32602 });
    await expect(other.ask('no/such', {})).rejects.toMatchObject({ code: -32601 });
    expect(await other.ask('textDocument/hover', at('untitled:x', 0, 1))).not.toBeNull();
    expect(await other.quit()).toBe(0);
  });

  it('goes on after the daemon was killed', async () => {
    await editor.open('untitled:killed', TEXT);
    const before = await editor.ask('textDocument/hover', at('untitled:killed', 0, 7));
    const { pid } = JSON.parse(desk.ssae('daemon', 'status', '--json')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    expect(await editor.ask('textDocument/hover', at('untitled:killed', 0, 7))).toEqual(before);
    expect((JSON.parse(desk.ssae('daemon', 'status', '--json')) as { pid: number }).pid).not.toBe(pid);
  });

  it('ends with its editor, and with status 1 where nobody said shutdown', async () => {
    const other = desk.start();
    await other.initialize();
    other.child.stdin.end();
    expect(await other.exit).toBe(1);
    expect(other.stderr).toBe('');
  });
});
