import {
  type CancellationToken,
  type CodeLens,
  type Connection,
  type InitializeParams,
  MessageType,
  type SemanticTokens,
  type SemanticTokensDelta,
  TextDocuments,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { z } from 'zod';
import { productVersion } from '../foundation/package-root.ts';
import type { Watch } from './activation-reader.ts';
import { Answering, type OnFailure } from './answering.ts';
import { type ClientFeatures, clientFeatures, SERVER_CAPABILITIES } from './client-features.ts';
import { ClientSettings } from './client-settings.ts';
import { codeActions } from './code-actions.ts';
import { codeLenses, RecordLens, resolveLens } from './code-lenses.ts';
import { executeCommand } from './commands.ts';
import type { DaemonLink } from './daemon-link.ts';
import { MAX_DOCUMENT_LENGTH, MAX_WHOLE_LENGTH } from './document-segments.ts';
import * as parameters from './parameters.ts';
import { checked } from './parameters.ts';
import { Reading } from './reading.ts';
import { pathOf, SeedSets } from './seed-sets.ts';
import { highlights, hover, inlayHints, paint } from './token-answers.ts';
import { TokenResults } from './token-results.ts';

type Handler<P, R> = (document: TextDocument, params: P, watch: Watch) => Promise<R>;

const ERROR = { kind: 'error' } as const;

function openDocument(uri: string, languageId: string, version: number, text: string): TextDocument {
  if (typeof (text as unknown) !== 'string') throw new TypeError(`the text of ${uri} is no string`);
  return TextDocument.create(uri, languageId, version, text);
}

/** One client: its documents, its settings, and an answer to each of its requests. */
export class LanguageServer {
  readonly #connection: Connection;
  readonly #link: DaemonLink;
  readonly #documents = new TextDocuments({ create: openDocument, update: TextDocument.update });
  readonly #answering: Answering;
  readonly #reading: Reading;
  readonly #seedSets: SeedSets;
  readonly #tokens = new TokenResults();
  #features: ClientFeatures = clientFeatures({});

  constructor(connection: Connection, link: DaemonLink) {
    this.#connection = connection;
    this.#link = link;
    this.#answering = new Answering(connection, this.#documents);
    this.#reading = new Reading(link);
    this.#seedSets = new SeedSets(link);
  }

  listen(): void {
    this.#answerLifecycle();
    this.#answerReadings();
    this.#answerSemanticTokens();
    this.#answerLenses();
    this.#answerActions();
    this.#documents.onDidOpen(({ document }) => {
      this.#sayWhatIsLeftOut(document);
    });
    this.#documents.onDidClose(({ document }) => {
      this.#tokens.forget(document.uri);
    });
    this.#documents.listen(this.#connection);
    this.#connection.listen();
  }

  #answerLifecycle(): void {
    const settings = new ClientSettings(this.#connection, this.#reading, this.#answering);
    settings.onDidChange(() => {
      this.#refresh();
    });
    this.#connection.onInitialize((params) => {
      const given = params as Partial<InitializeParams>;
      this.#features = clientFeatures(given);
      this.#seedSets.workspace = this.#features.workspace;
      settings.begin(given.initializationOptions, this.#features);
      return {
        capabilities: SERVER_CAPABILITIES,
        serverInfo: { name: 'ssae', version: productVersion },
      };
    });
    this.#connection.onInitialized(() => {
      settings.followClient();
      if (this.#features.workspaceFolders) this.#followFolders();
    });
    this.#connection.onShutdown(() => {
      this.#link.dispose();
    });
  }

  #followFolders(): void {
    this.#connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
      const gone = removed.map(({ uri }) => pathOf(uri));
      const now = this.#seedSets.workspace;
      if (now !== null && !gone.includes(now)) return;
      this.#seedSets.workspace = added.map(({ uri }) => pathOf(uri)).find((path) => path !== null) ?? null;
    });
  }

  #answerReadings(): void {
    const { languages } = this.#connection;
    this.#connection.onHover(
      this.#about(parameters.AtPosition, null, ERROR, (document, { position }, watch) =>
        hover(this.#reading, document, position, this.#features.hoverFormat, watch),
      ),
    );
    this.#connection.onDocumentHighlight(
      this.#about(parameters.AtPosition, null, { kind: 'nothing', answer: null }, (document, { position }, watch) =>
        highlights(this.#reading, document, position, watch),
      ),
    );
    languages.inlayHint.on(
      this.#about(parameters.InRange, [], { kind: 'nothing', answer: [] }, (document, { range }, watch) =>
        inlayHints(this.#reading, document, range, watch),
      ),
    );
  }

  #answerSemanticTokens(): void {
    const { semanticTokens } = this.#connection.languages;
    const none: SemanticTokens = { data: [] };
    const nothing = { kind: 'nothing', answer: none } as const;
    semanticTokens.on(
      this.#about(parameters.OfDocument, none, nothing, async (document, _, watch) =>
        this.#tokens.full(document.uri, await paint(this.#reading, document, null, watch)),
      ),
    );
    semanticTokens.onDelta(
      this.#about<z.infer<typeof parameters.SinceResult>, SemanticTokens | SemanticTokensDelta>(
        parameters.SinceResult,
        none,
        nothing,
        async (document, { previousResultId }, watch) =>
          this.#tokens.delta(document.uri, previousResultId, await paint(this.#reading, document, null, watch)),
      ),
    );
    semanticTokens.onRange(
      this.#about(parameters.InRange, none, nothing, async (document, { range }, watch) =>
        this.#tokens.range(await paint(this.#reading, document, range, watch)),
      ),
    );
  }

  #answerLenses(): void {
    this.#connection.onCodeLens(
      this.#about(parameters.OfDocument, [], { kind: 'nothing', answer: [] }, (document) =>
        codeLenses(this.#reading, document),
      ),
    );
    this.#connection.onCodeLensResolve(async (lens, token) => {
      const data = checked(RecordLens, checked(parameters.Lens, lens).data);
      const document = this.#documents.get(data.uri);
      const unread: CodeLens = { ...lens, command: { title: 'not read', command: '' } };
      if (document?.version !== data.version) return unread;
      return this.#answering.run(token, document, { kind: 'nothing', answer: unread }, (watch) =>
        resolveLens(this.#reading, document, lens, data, watch),
      );
    });
  }

  #answerActions(): void {
    this.#connection.onCodeAction(
      this.#about(parameters.ForActions, [], { kind: 'nothing', answer: [] }, async (document, params, watch) => {
        const { range, context } = params;
        const actions = await codeActions(this.#reading, this.#seedSets, document, range, context.only ?? null, watch);
        return this.#features.codeActions ? actions : actions.map(({ command }) => command!);
      }),
    );
    this.#connection.onExecuteCommand((params, token) => {
      const { command, arguments: given } = checked(parameters.ToExecute, params);
      const bench = {
        ...{ reading: this.#reading, seedSets: this.#seedSets, documents: this.#documents },
        say: (message: string) => {
          this.#answering.tell(MessageType.Info, message);
        },
        choose: (message: string, titles: readonly string[]) => this.#choose(message, titles),
        refresh: () => {
          this.#refresh();
        },
      };
      return this.#answering.run(token, null, ERROR, () => executeCommand(bench, command, given?.[0]));
    });
  }

  /** A handler of requests about one document: its parameters checked, `unknown` answered for a document that is not open. */
  #about<P extends z.infer<typeof parameters.OfDocument>, R>(
    schema: z.ZodType<P>,
    unknown: R,
    onFailure: OnFailure<R>,
    handle: Handler<P, R>,
  ): (params: unknown, token: CancellationToken) => Promise<R> {
    return async (params, token) => {
      const given = checked(schema, params);
      const document = this.#documents.get(given.textDocument.uri);
      if (document === undefined) return unknown;
      return this.#answering.run(token, document, onFailure, (watch) => handle(document, given, watch));
    };
  }

  async #choose(message: string, titles: readonly string[]): Promise<string | null> {
    const items = titles.map((title) => ({ title }));
    const chosen = await this.#connection.window.showInformationMessage(message, ...items);
    return titles.find((title) => title === chosen?.title) ?? null;
  }

  #refresh(): void {
    const { refreshes } = this.#features;
    const asks = [
      refreshes.semanticTokens ? 'workspace/semanticTokens/refresh' : null,
      refreshes.inlayHints ? 'workspace/inlayHint/refresh' : null,
      refreshes.codeLenses ? 'workspace/codeLens/refresh' : null,
    ];
    // A client that refuses or is gone shows what it has.
    for (const method of asks) if (method !== null) this.#connection.sendRequest(method).catch(() => undefined);
  }

  #sayWhatIsLeftOut(document: TextDocument): void {
    const { length } = document.getText();
    if (length <= MAX_WHOLE_LENGTH) return;
    const said =
      length > MAX_DOCUMENT_LENGTH
        ? `is longer than ${MAX_DOCUMENT_LENGTH} characters and is not read`
        : `is long: answers about the whole document cover its first ${MAX_WHOLE_LENGTH} characters; editors that ask for ranges get the rest`;
    this.#answering.tellOnce(MessageType.Info, `SSAE: ${document.uri} ${said}.`);
  }
}
