import { UsageError } from '../foundation/errors.ts';
import type { CliCommand } from './cli-command.ts';
import type { Shell } from './shell.ts';

const INTERRUPTED = 130;

const EDITORS = `
Neovim, in a FileType autocommand:
  vim.lsp.start({ name = 'ssae', cmd = { 'ssae', 'lsp', '--stdio' } })
Helix, in languages.toml:
  [language-server.ssae]
  command = "ssae"
  args = ["lsp", "--stdio"]
Settings, commands, colours and Emacs: docs/editors.md`;

async function serve(shell: Shell, isAskedFor: boolean): Promise<void> {
  const { input, output, interrupted } = shell.surroundings;
  if (!isAskedFor && input.isTTY === true)
    throw new UsageError('--stdio is missing; an editor starts this command and talks to it over its stdin and stdout');
  const { serveLanguage } = await import('../lsp/serve.ts');
  // The server ends with its client; what reads stdin would keep the process until then.
  interrupted.addEventListener('abort', () => process.exit(INTERRUPTED));
  serveLanguage(input, output, shell.home);
}

export function addLsp(program: CliCommand, shell: Shell): void {
  program
    .command('lsp')
    .description('a language server: features on tokens in Neovim, Helix, Emacs and other editors; see docs/editors.md')
    .option('--stdio', 'talk over stdin and stdout')
    .example('ssae lsp --stdio', 'What an editor starts')
    .example('ssae lsp --stdio --home ~/sae', 'With the state of another home folder')
    .addHelpText('after', EDITORS)
    .action(({ stdio }: { stdio?: boolean }) => serve(shell, stdio === true));
}
