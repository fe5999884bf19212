/** A language client without an editor: the built server in a real process, with a home folder of its own. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node.js';
import { packageRoot, shippedFile } from '../../server/foundation/package-root.ts';

const program = shippedFile('dist', 'server', 'cli.js');

export const TEXT = [
  'The telescope saw a distant galaxy whose light is bent by the gravity of a cluster of galaxies.',
  '',
  'A lichen is a fungus that lives with algae or cyanobacteria, and grows on bark and stone.',
  '',
].join('\n');

export interface Message {
  readonly type: number;
  readonly message: string;
}

/** Blocks of code in docs/editors.md. */
export function documented(language: string): readonly string[] {
  const text = readFileSync(join(packageRoot, 'docs', 'editors.md'), 'utf8');
  return [...text.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, block]) => block!);
}

/** A home folder and a workspace, with a daemon that is stopped when the test is over. */
export class Desk {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'ssae-lsp-')));
  readonly home = this.at('home');
  readonly environment = { ...process.env, SSAE_HOME: this.home, NO_COLOR: '1' };
  readonly #editors: Editor[] = [];

  at(...path: readonly string[]): string {
    return join(this.folder, ...path);
  }

  uri(...path: readonly string[]): string {
    return pathToFileURL(this.at(...path)).href;
  }

  /** With a command `ssae` in the path, as an installation has it. */
  environmentWithCommand(): NodeJS.ProcessEnv {
    const programs = this.at('bin');
    mkdirSync(programs, { recursive: true });
    writeFileSync(join(programs, 'ssae'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    chmodSync(join(programs, 'ssae'), 0o755);
    return { ...this.environment, PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}` };
  }

  ssae(...words: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
      env: this.environment,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }

  start(): Editor {
    const editor = new Editor(spawn(process.execPath, [program, 'lsp', '--stdio'], { env: this.environment }));
    this.#editors.push(editor);
    return editor;
  }

  remove(): void {
    for (const editor of this.#editors) editor.dispose();
    this.ssae('daemon', 'stop');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

export class Editor {
  readonly child: ChildProcessWithoutNullStreams;
  readonly rpc: MessageConnection;
  /** What the server showed. */
  readonly messages: Message[] = [];
  /** Kinds of progress, in order. */
  readonly progress: string[] = [];
  /** Methods that the server asked the client with. */
  readonly asked: string[] = [];
  readonly exit: Promise<number | null>;
  stderr = '';
  #version = 1;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    this.exit = new Promise((settle) => child.once('exit', settle));
    child.stderr.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.rpc = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
    this.rpc.onNotification('window/showMessage', (message: Message) => this.messages.push(message));
    this.rpc.onNotification('$/progress', ({ value }: { value: { kind: string } }) => this.progress.push(value.kind));
    this.rpc.onRequest((method: string) => {
      this.asked.push(method);
      return null;
    });
    this.rpc.listen();
  }

  async initialize(given: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
    const capabilities = {
      window: { workDoneProgress: true },
      workspace: {
        configuration: false,
        semanticTokens: { refreshSupport: true },
        inlayHint: { refreshSupport: true },
        codeLens: { refreshSupport: true },
      },
      textDocument: { codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } } } },
    };
    const result = await this.ask<Record<string, unknown>>('initialize', {
      ...{ processId: process.pid, rootUri: null, capabilities },
      ...given,
    });
    await this.tell('initialized', {});
    return result;
  }

  ask<R>(method: string, params: unknown): Promise<R> {
    return this.rpc.sendRequest<R>(method, params);
  }

  /** The same, to be cancelled. */
  askAndCancel<R>(method: string, params: unknown, afterMilliseconds: number): Promise<R> {
    const source = new CancellationTokenSource();
    setTimeout(() => {
      source.cancel();
    }, afterMilliseconds);
    return this.rpc.sendRequest<R>(method, params, source.token);
  }

  tell(method: string, params: unknown): Promise<void> {
    return this.rpc.sendNotification(method, params);
  }

  async open(uri: string, text: string, languageId = 'plaintext'): Promise<void> {
    await this.tell('textDocument/didOpen', { textDocument: { uri, languageId, version: this.#version, text } });
  }

  async edit(uri: string, line: number, from: number, to: number, text: string): Promise<void> {
    const range = { start: { line, character: from }, end: { line, character: to } };
    const textDocument = { uri, version: ++this.#version };
    await this.tell('textDocument/didChange', { textDocument, contentChanges: [{ range, text }] });
  }

  /** Ends as an editor does. @returns the exit status */
  async quit(): Promise<number | null> {
    await this.ask('shutdown', null);
    await this.tell('exit', null);
    return this.exit;
  }

  dispose(): void {
    this.rpc.dispose();
    this.child.kill('SIGKILL');
  }
}
