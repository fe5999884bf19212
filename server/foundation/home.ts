import { join, resolve } from 'node:path';
import envPaths from 'env-paths';

/** The one folder that holds all state. `--home`, else SSAE_HOME, else the platform's data folder. */
export class Home {
  readonly folder: string;

  constructor(folder?: string) {
    this.folder = resolve(folder ?? process.env['SSAE_HOME'] ?? envPaths('ssae-studio', { suffix: '' }).data);
  }

  get models(): string {
    return join(this.folder, 'models');
  }
  /** LanceDB database. */
  get corpora(): string {
    return join(this.folder, 'corpora');
  }
  get seeds(): string {
    return join(this.folder, 'seeds');
  }
  get selections(): string {
    return join(this.folder, 'selections');
  }
  get dictionaries(): string {
    return join(this.folder, 'dictionaries');
  }
  /** Labels of features of dictionaries whose own folder is not written: those that ship with the product. */
  get labels(): string {
    return join(this.folder, 'labels');
  }
  /** Experiments that were run, a folder each. */
  get runs(): string {
    return join(this.folder, 'runs');
  }
  /** Feature indexes, cut graphs, activations: all of it can be deleted and is made again. */
  get cache(): string {
    return join(this.folder, 'cache');
  }
  /** Journals of jobs. */
  get jobs(): string {
    return join(this.folder, 'jobs');
  }
  /** Socket, token, log of the daemon; only the owner may enter. */
  get daemon(): string {
    return join(this.folder, 'daemon');
  }
}
