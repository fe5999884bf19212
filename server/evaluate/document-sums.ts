import { addSums, zeroSums } from './metric.ts';
import type { DictionarySums } from './evaluated-dictionary.ts';
import { ActivationMoments, RECONSTRUCTION_SUMS } from './reconstruction-metrics.ts';
import { SPLICED_SUMS } from './spliced-metrics.ts';

export const DICTIONARY_SUMS = [...RECONSTRUCTION_SUMS, ...SPLICED_SUMS] as const;

interface DocumentEntry {
  readonly moments: ActivationMoments;
  /** One a dictionary. */
  readonly sums: readonly DictionarySums[];
}

/** Sufficient statistics of every document, for every dictionary: memory grows with documents, not with tokens. */
export class DocumentSums {
  readonly #dIn: number;
  readonly #dictionaries: number;
  readonly #documents = new Map<string, DocumentEntry>();

  constructor(dIn: number, dictionaries: number) {
    this.#dIn = dIn;
    this.#dictionaries = dictionaries;
  }

  /** @param activations [tokens, d_in]; @param sums what is to be added, one a dictionary */
  add(document: string, activations: Float32Array, sums: readonly DictionarySums[]): void {
    let entry = this.#documents.get(document);
    if (entry === undefined) {
      entry = {
        moments: new ActivationMoments(this.#dIn),
        sums: Array.from({ length: this.#dictionaries }, () => zeroSums(DICTIONARY_SUMS)),
      };
      this.#documents.set(document, entry);
    }
    entry.moments.add(activations);
    for (const [index, added] of sums.entries()) addSums(entry.sums[index]!, added);
  }

  get documents(): number {
    return this.#documents.size;
  }

  /**
   * All sums, with Σ‖x − x̄‖² about the whole set's mean.
   * @returns [documents, dictionaries · DICTIONARY_SUMS]
   */
  matrix(): Float64Array {
    const all = new ActivationMoments(this.#dIn);
    for (const { moments } of this.#documents.values()) all.merge(moments);
    const { mean } = all;
    const rows = [...this.#documents.values()].flatMap(({ moments, sums }) => {
      const centredSquares = moments.squaresAbout(mean);
      return sums.flatMap((one) =>
        DICTIONARY_SUMS.map((name) => (name === 'centredSquares' ? centredSquares : one[name])),
      );
    });
    return Float64Array.from(rows);
  }
}

/** The sums of one dictionary out of a row of {@link DocumentSums.matrix}, or out of a total of rows. */
export function sumsAt(row: Float64Array, dictionary: number): DictionarySums {
  const first = dictionary * DICTIONARY_SUMS.length;
  return Object.fromEntries(DICTIONARY_SUMS.map((name, index) => [name, row[first + index]!])) as DictionarySums;
}

/** Sum of all rows of a [rows, columns] matrix. */
export function columnTotals(matrix: Float64Array, columns: number): Float64Array {
  const totals = new Float64Array(columns);
  matrix.forEach((value, index) => (totals[index % columns]! += value));
  return totals;
}
