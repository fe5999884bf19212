import { appendFileSync, renameSync, statSync } from 'node:fs';

const MAX_BYTES = 4 * 1024 * 1024;

/** The daemon's log: one line an event, at most two files of bounded size. */
export class Log {
  readonly path: string;
  #bytes: number;

  constructor(path: string) {
    this.path = path;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  info(message: string): void {
    this.#write('info', message);
  }

  error(message: string): void {
    this.#write('error', message);
  }

  #write(level: string, message: string): void {
    const line = `${new Date().toISOString()} ${level} ${message.slice(0, 16_384).replaceAll('\n', '\n  ')}\n`;
    try {
      if (this.#bytes > MAX_BYTES) {
        renameSync(this.path, `${this.path}.1`);
        this.#bytes = 0;
      }
      appendFileSync(this.path, line, { mode: 0o600 });
      this.#bytes += Buffer.byteLength(line);
    } catch {
      // A full disk must not take the daemon, and the job it runs, down.
    }
  }
}
