import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type * as vscode from 'vscode';
import type { TextFeature } from '../../server/protocol/token-readings.ts';
import type { Studio } from '../studio.ts';

/** UTF-16 units of a record that are read: what comes after them is not worth the wait above a line. */
export const READ_UNITS = 8000;
const MAX_RECORDS = 5000;
/** Features of a text in order of score; a rare one that is strong is among them. */
const FEATURES = 200;
/** Requests at once: the painting of the same text waits behind them. */
const AT_ONCE = 2;

/** Features of records' texts, each read once by each dictionary. */
export class RecordFeatures {
  readonly #studio: Studio;
  readonly #known = new LRUCache<string, readonly TextFeature[]>({ max: MAX_RECORDS });
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  /** @returns undefined where the text was not read yet */
  get(text: string): readonly TextFeature[] | undefined {
    return this.#known.get(this.#key(text));
  }

  /** @returns null where it was cancelled; while it waits for others that costs nothing. @throws what the daemon refuses it for */
  async read(text: string, token: vscode.CancellationToken): Promise<readonly TextFeature[] | null> {
    if (this.#underWay >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay++;
    try {
      return token.isCancellationRequested ? null : (this.get(text) ?? (await this.#ask(text, token)));
    } catch (error) {
      if (token.isCancellationRequested) return null;
      throw error;
    } finally {
      this.#underWay--;
      this.#waiting.shift()?.();
    }
  }

  async #ask(text: string, token: vscode.CancellationToken): Promise<readonly TextFeature[]> {
    const key = this.#key(text);
    const { ShowTextFeatures } = await import('../../server/protocol/messages.ts');
    const request = { dictionary: this.#studio.dictionary.name, text: text.slice(0, READ_UNITS), limit: FEATURES };
    const { features } = await this.#studio.link.request(ShowTextFeatures, request, token);
    this.#known.set(key, features);
    return features;
  }

  #key(text: string): string {
    const read = text.slice(0, READ_UNITS);
    return createHash('sha1').update(`${this.#studio.dictionary.name}\n`).update(read).digest('base64');
  }
}
