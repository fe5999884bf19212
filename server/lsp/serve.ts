/** The language server: a thin process between an editor and the daemon. */
import { createConnection } from 'vscode-languageserver/node';
import { connectDaemon } from '../daemon/client.ts';
import type { Home } from '../foundation/home.ts';
import { DaemonLink } from './daemon-link.ts';
import { LanguageServer } from './language-server.ts';

/**
 * Speaks the Language Server Protocol on two streams until the client says `exit` or closes the input. The process ends then,
 * with status 1 where `shutdown` did not come first, as the protocol has it. The daemon goes on.
 */
export function serveLanguage(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, home: Home): void {
  new LanguageServer(createConnection(input, output), new DaemonLink(() => connectDaemon(home))).listen();
}
