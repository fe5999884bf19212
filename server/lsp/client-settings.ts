import { type Connection, DidChangeConfigurationNotification, MessageType } from 'vscode-languageserver/node';
import type { Answering } from './answering.ts';
import type { ClientFeatures } from './client-features.ts';
import type { Reading } from './reading.ts';
import { changeSettings } from './settings.ts';

/** Takes settings from initializationOptions, workspace/didChangeConfiguration and workspace/configuration. */
export class ClientSettings {
  readonly #connection: Connection;
  readonly #reading: Reading;
  readonly #answering: Answering;
  readonly #listeners: (() => void)[] = [];
  #features: ClientFeatures | null = null;
  /** Found before `initialized`, when nothing may be said yet. */
  #waiting: string[] = [];

  constructor(connection: Connection, reading: Reading, answering: Answering) {
    this.#connection = connection;
    this.#reading = reading;
    this.#answering = answering;
    connection.onDidChangeConfiguration((params) => {
      const given: unknown = (params as { readonly settings?: unknown } | null)?.settings;
      // VS Code's newer protocol sends nothing and expects to be asked.
      if (given === null || given === undefined) this.#pull();
      else this.#take(given, true);
    });
  }

  onDidChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  begin(initializationOptions: unknown, features: ClientFeatures): void {
    this.#features = features;
    this.#waiting = [...this.#change(initializationOptions)];
  }

  /** After `initialized`: asks for the settings and follows them. */
  followClient(): void {
    this.#complain(this.#waiting);
    if (this.#features?.registersSettings === true)
      this.#connection.client.register(DidChangeConfigurationNotification.type).catch(() => undefined);
    this.#pull();
  }

  #pull(): void {
    if (this.#features?.pullsSettings !== true) return;
    this.#connection.workspace.getConfiguration('ssae').then(
      (given: unknown) => {
        this.#take(given, false);
      },
      () => undefined, // A client that cannot answer has told its settings otherwise.
    );
  }

  /** @param isEverything whether the client sent the settings of all its servers, from which ours are taken */
  #take(given: unknown, isEverything: boolean): void {
    const ours = isEverything ? oursOf(given) : given;
    const before = this.#reading.settings;
    this.#complain(this.#change(ours));
    if (JSON.stringify(before) !== JSON.stringify(this.#reading.settings))
      for (const listener of this.#listeners) listener();
  }

  #change(given: unknown): readonly string[] {
    const { settings, complaints } = changeSettings(this.#reading.settings, given);
    this.#reading.settings = settings;
    return complaints;
  }

  #complain(complaints: readonly string[]): void {
    for (const complaint of complaints) this.#answering.tellOnce(MessageType.Warning, `SSAE: ${complaint}`);
  }
}

/** Below `ssae` where that is there; whatever else a client sends belongs to other servers. */
function oursOf(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const entries = Object.entries(given).filter(([key]) => key === 'ssae' || key.startsWith('ssae.'));
  return entries.length > 0 ? Object.fromEntries(entries) : given;
}
