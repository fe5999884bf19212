import type { InitializeParams, ServerCapabilities } from 'vscode-languageserver/node';
import { MarkupKind, TextDocumentSyncKind } from 'vscode-languageserver/node';
import { ACTION_KINDS } from './code-actions.ts';
import { COMMAND } from './command-names.ts';
import { pathOf } from './seed-sets.ts';
import { SEMANTIC_TOKENS_LEGEND } from './semantic-tokens.ts';

export const SERVER_CAPABILITIES: ServerCapabilities = {
  positionEncoding: 'utf-16',
  textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
  hoverProvider: true,
  documentHighlightProvider: true,
  inlayHintProvider: true,
  codeLensProvider: { resolveProvider: true },
  codeActionProvider: { codeActionKinds: [...ACTION_KINDS] },
  semanticTokensProvider: { legend: SEMANTIC_TOKENS_LEGEND, full: { delta: true }, range: true },
  executeCommandProvider: { commands: Object.values(COMMAND) },
  workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
};

/** What a client can do, as far as it matters here. */
export interface ClientFeatures {
  readonly hoverFormat: MarkupKind;
  /** Takes code actions; an older client takes their commands. */
  readonly codeActions: boolean;
  readonly pullsSettings: boolean;
  readonly registersSettings: boolean;
  readonly workspaceFolders: boolean;
  readonly refreshes: { readonly semanticTokens: boolean; readonly inlayHints: boolean; readonly codeLenses: boolean };
  /** Absolute path of the workspace's first folder; null where there is none on this machine. */
  readonly workspace: string | null;
}

/** Clients send what they like: whatever is missing they cannot do. */
export function clientFeatures(params: Partial<InitializeParams>): ClientFeatures {
  const { textDocument, workspace } = params.capabilities ?? {};
  const formats = textDocument?.hover?.contentFormat;
  const isMarkdown = formats === undefined || !Array.isArray(formats) || formats.includes(MarkupKind.Markdown);
  return {
    hoverFormat: isMarkdown ? MarkupKind.Markdown : MarkupKind.PlainText,
    codeActions: textDocument?.codeAction?.codeActionLiteralSupport !== undefined,
    pullsSettings: workspace?.configuration === true,
    registersSettings: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    workspaceFolders: workspace?.workspaceFolders === true,
    refreshes: {
      semanticTokens: workspace?.semanticTokens?.refreshSupport === true,
      inlayHints: workspace?.inlayHint?.refreshSupport === true,
      codeLenses: workspace?.codeLens?.refreshSupport === true,
    },
    workspace: workspaceOf(params),
  };
}

function workspaceOf(params: Partial<InitializeParams>): string | null {
  const folders = Array.isArray(params.workspaceFolders) ? params.workspaceFolders : [];
  // Clients from before workspace folders name one root.
  const uris = [...folders.map(({ uri }) => uri), ...(folders.length === 0 ? [rootUriOf(params)] : [])];
  return uris.map((uri) => (typeof uri === 'string' ? pathOf(uri) : null)).find((path) => path !== null) ?? null;
}

function rootUriOf(params: Partial<InitializeParams>): string | null {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- what such clients have
  return params.rootUri ?? null;
}
