import { WorkError } from '../../foundation/errors.ts';
import type { DictionaryState } from './dictionary-state.ts';
import type { Rows } from './rows.ts';
import { choiceOf, selectRows } from './selecting.ts';

/** What the selection of a batch came to. */
export interface Selected {
  readonly rows: Rows;
  /** Entries of the rows. */
  readonly count: number;
  /** The smallest kept value of a batchtopk or matryoshka batch; null elsewhere and where nothing is kept. */
  readonly smallest: number | null;
}

/** The float of an ordered key, as `KEY_OF` in `kernels/selection.ts` made it. */
function valueOfKey(key: number): number {
  const words = Uint32Array.of((key & 0x80000000) !== 0 ? key & 0x7fffffff : ~key);
  return new Float32Array(words.buffer)[0]!;
}

/** Chooses room and cut from what earlier batches came to, and does a batch again where they were wrong. */
export class Selector {
  readonly #state: DictionaryState;
  /** Entries a token that there is room for. */
  #perToken: number;
  /** A guess below the next batch's smallest kept value; it saves looking at all features. */
  #cut = 0;

  constructor(state: DictionaryState) {
    this.#state = state;
    const { architecture, dSae } = state.shape;
    const guess = 'k' in architecture ? architecture.k * (architecture.kind === 'topk' ? 1 : 2) : dSae / 16 + 1;
    this.#perToken = Math.min(dSae, guess);
  }

  /** Parameters were replaced: nothing is known of the next batch. */
  forget(): void {
    this.#cut = 0;
  }

  room(tokens: number): number {
    return Math.ceil(this.#perToken * tokens);
  }

  /**
   * Records a selection by `record(room, cut)`, which may record more after it, submits, and repeats until it was right.
   * @param beside bytes to read with it @returns what it came to and the bytes beside
   */
  async run(
    tokens: number,
    z: GPUBuffer,
    trains: boolean,
    finish: (rows: Rows, room: number) => [buffer: GPUBuffer, bytes: number][],
  ): Promise<Selected & { readonly beside: ArrayBuffer[] }> {
    const { architecture, dSae } = this.#state.shape;
    const isOfBatch = architecture.kind === 'batchtopk' || architecture.kind === 'matryoshka';
    const wanted = isOfBatch ? architecture.k * tokens : 0;
    for (;;) {
      const room = this.room(tokens);
      this.#requireRoom(room);
      const rows = selectRows(this.#state, z, { tokens, trains, room, cut: this.#cut });
      const beside = finish(rows, isOfBatch ? wanted : room);
      const [counts, choice, ...rest] = await this.#state.recorder.read(
        [rows.starts, (tokens + 1) * 4],
        [choiceOf(this.#state), 16],
        ...beside,
      );
      const count = new Uint32Array(counts!)[tokens]!;
      const [, , candidates, smallestKey] = new Uint32Array(choice!);
      const found = isOfBatch ? candidates! : count;
      if (found > room) {
        this.#perToken = Math.min(dSae, (found / tokens) * 1.125);
        continue;
      }
      if (isOfBatch && this.#cut > 0 && found < wanted) {
        this.#cut = this.#cut < 1e-30 ? 0 : this.#cut / 4;
        continue;
      }
      const smallest = isOfBatch && count > 0 ? valueOfKey(smallestKey!) : null;
      this.#cut = smallest === null ? 0 : 0.9 * smallest;
      return { rows, count, smallest, beside: rest };
    }
  }

  #requireRoom(room: number): void {
    const bytes = room * (this.#state.formulas.hasExtras ? 16 : 8);
    const { gpu } = this.#state.recorder;
    if (bytes > gpu.maxBytes)
      throw new WorkError(
        `the batch has room for ${room} activations, whose gradients take ${Math.ceil(bytes / 2 ** 20)} MiB, and ${gpu.name} ` +
          `binds at most ${Math.floor(gpu.maxBytes / 2 ** 20)} MiB at once; take a smaller batch, or --engine cpu`,
      );
  }
}
