export interface ServerOptions {
  readonly vsix?: string | null;
  readonly folder?: string | null;
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly restricted?: boolean;
  readonly extensionTests?: boolean;
}

export interface Server {
  readonly origin: string;
  readonly port: number;
  /** Temporary folder of everything; removed by stop(). */
  readonly work: string;
  /** The copy of the fixture that is open. */
  readonly folder: string;
  /** SSAE_HOME of the daemon. */
  readonly home: string;
  readonly exited: Promise<unknown>;
  stop(): Promise<void>;
  readonly emptyUrl: string;
  url(payload?: readonly (readonly [string, string])[], where?: string): string;
  remote(path: string): string;
  setSettings(more: Readonly<Record<string, unknown>>): void;
  copyLogs(to: string): void;
}

export function startServer(options?: ServerOptions): Promise<Server>;
