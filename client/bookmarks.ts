import * as vscode from 'vscode';

export interface FeatureAddress {
  readonly dictionary: string;
  readonly feature: number;
}

const KEY = 'ssae.bookmarks';
const MAX_BOOKMARKS = 10_000;

function isAddress(value: unknown): value is FeatureAddress {
  if (typeof value !== 'object' || value === null) return false;
  const { dictionary, feature } = value as Partial<FeatureAddress>;
  return typeof dictionary === 'string' && Number.isInteger(feature);
}

/** Features that the reader has marked, kept with the workspace. */
export class Bookmarks implements vscode.Disposable {
  readonly #memory: vscode.Memento;
  readonly #changes = new vscode.EventEmitter<FeatureAddress>();
  /** A feature was marked, or is marked no more. */
  readonly onDidChange = this.#changes.event;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  /** Newest first. */
  get all(): readonly FeatureAddress[] {
    const stored = this.#memory.get<unknown>(KEY);
    return Array.isArray(stored) ? stored.filter(isAddress) : [];
  }

  has(address: FeatureAddress): boolean {
    return this.all.some((other) => same(other, address));
  }

  async set(address: FeatureAddress, bookmarked: boolean): Promise<void> {
    const others = this.all.filter((other) => !same(other, address));
    const { dictionary, feature } = address;
    const kept = bookmarked ? [{ dictionary, feature }, ...others].slice(0, MAX_BOOKMARKS) : others;
    await this.#memory.update(KEY, kept);
    this.#changes.fire(address);
  }

  dispose(): void {
    this.#changes.dispose();
  }
}

const same = (a: FeatureAddress, b: FeatureAddress): boolean =>
  a.dictionary === b.dictionary && a.feature === b.feature;
