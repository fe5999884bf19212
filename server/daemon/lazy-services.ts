import type { Services } from '../services/services.ts';

/** Services that are opened when first needed, once for all clients; an opening that failed is tried again by the next. */
export class LazyServices implements AsyncDisposable {
  readonly #open: () => Services | Promise<Services>;
  #opened: Promise<Services> | null = null;

  constructor(open: () => Services | Promise<Services>) {
    this.#open = open;
  }

  get(): Promise<Services> {
    this.#opened ??= this.#tryOpen();
    return this.#opened;
  }

  async #tryOpen(): Promise<Services> {
    try {
      return await this.#open();
    } catch (error) {
      this.#opened = null;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#opened)?.[Symbol.asyncDispose]();
  }
}
