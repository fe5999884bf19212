import { mkdir, open, readdir, readFile, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { ErrorKind, JobSpec, PauseReason } from '../protocol/jobs.ts';

const at = z.string();
/** What happens to a job. The journal of a job is these, one JSON line each, in order; its state is what they add up to. */
export const JobEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('created'), at, id: z.string().regex(/^[\w-]{1,80}$/), spec: JobSpec }),
  z.object({ event: z.literal('started'), at }),
  z.object({ event: z.literal('paused'), at, reason: PauseReason }),
  z.object({ event: z.literal('resumed'), at }),
  z.object({ event: z.literal('done'), at, result: z.unknown() }),
  z.object({ event: z.literal('failed'), at, error: z.object({ kind: ErrorKind, message: z.string() }) }),
  z.object({ event: z.literal('cancelled'), at }),
]);
export type JobEvent = z.infer<typeof JobEvent>;
export type CreatedEvent = Extract<JobEvent, { event: 'created' }>;

const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;
const ENDING = '.jsonl';

/** The journal of one job: append-only, flushed to the disk line by line, so that `kill -9` loses nothing that was told. */
export class JobJournal {
  readonly path: string;

  constructor(folder: string, id: string) {
    this.path = join(folder, `${id}${ENDING}`);
  }

  /** Journals below a folder, oldest first (their names begin with their time). */
  static async all(folder: string): Promise<JobJournal[]> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = await readdir(folder);
    return names
      .filter((name) => name.endsWith(ENDING))
      .sort()
      .map((name) => new JobJournal(folder, name.slice(0, -ENDING.length)));
  }

  async append(event: JobEvent): Promise<void> {
    let file: FileHandle | undefined;
    try {
      file = await open(this.path, 'a', 0o600);
      await file.writeFile(`${JSON.stringify(event)}\n`);
      await file.sync();
    } catch (error) {
      throw new WorkError(`could not write the job's journal ${this.path}: ${messageOf(error)}`, { cause: error });
    } finally {
      await file?.close();
    }
  }

  /** Cuts off a last line that was being written when the daemon died, so that what is appended next stands alone. */
  async mend(): Promise<void> {
    const bytes = await this.#bytes();
    const whole = bytes.lastIndexOf(LINE_FEED) + 1;
    if (whole < bytes.length) await truncate(this.path, whole);
  }

  /**
   * All events that were written whole.
   * @throws WorkError when the file is no journal.
   */
  async read(): Promise<readonly [CreatedEvent, ...JobEvent[]]> {
    const bytes = await this.#bytes();
    const whole = bytes.lastIndexOf(LINE_FEED) + 1;
    const lines = bytes.subarray(0, whole).toString('utf8').split('\n').slice(0, -1);
    try {
      const [created, ...later] = lines.map((line) => JobEvent.parse(JSON.parse(line)));
      if (created?.event !== 'created') throw new WorkError('it does not begin with the job');
      return [created, ...later];
    } catch (error) {
      throw new WorkError(`${this.path} is not a job's journal: ${messageOf(error)}`, { cause: error });
    }
  }

  async #bytes(): Promise<Buffer> {
    const { size } = await stat(this.path);
    if (size > MAX_JOURNAL_BYTES) throw new WorkError(`${this.path} has ${size} bytes, over the limit`);
    return readFile(this.path);
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
