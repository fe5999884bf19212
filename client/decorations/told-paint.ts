/** As VS Code tells of an edit; offsets into the text before it. */
export interface TextChange {
  readonly rangeOffset: number;
  readonly rangeLength: number;
  readonly text: string;
}

interface Told {
  /** From and to of each token, one after the other; NaN where the window may paint elsewhere. */
  readonly places: readonly number[];
  /** Number of the message that told of them. */
  readonly message: number;
}

/** What the window was told to paint in one editor, step by step, where its edits have moved it since. */
export class ToldPaint {
  readonly #told = new Map<number, Told>();
  #version = -1;
  #sent = 0;
  #arrived = 0;

  /** Messages sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** The window has read this many messages. */
  arrived(messages: number): void {
    this.#arrived = Math.max(this.#arrived, messages);
  }

  /**
   * Moves what was told as the window moves decorations that do not grow at their edges. What had not arrived when the edit was heard
   * of may have crossed it on the way: it lies where the text was before.
   */
  edited(changes: readonly TextChange[], version: number): void {
    this.#version = version;
    const backwards = [...changes].sort((a, b) => b.rangeOffset - a.rangeOffset);
    for (const [step, { places, message }] of this.#told) {
      const now = message > this.#arrived ? unknown(places) : backwards.reduce<readonly number[]>(moved, places);
      this.#told.set(step, { places: now, message });
    }
  }

  /**
   * Whether the window has to be told these places; if so they count as told.
   * @param version of the document; one that no edit told of makes all places unknown
   */
  takes(step: number, places: readonly number[], version: number): boolean {
    if (version !== this.#version)
      for (const [other, told] of this.#told) this.#told.set(other, { ...told, places: unknown(told.places) });
    this.#version = version;
    if (isSame(this.#told.get(step)?.places ?? [], places)) return false;
    this.#told.set(step, { places, message: ++this.#sent });
    return true;
  }
}

function unknown(places: readonly number[]): readonly number[] {
  return places.map(() => NaN);
}

function moved(places: readonly number[], { rangeOffset, rangeLength, text }: TextChange): readonly number[] {
  const end = rangeOffset + rangeLength;
  const shift = text.length - rangeLength;
  const after: number[] = [];
  for (let i = 0; i < places.length; i += 2) {
    const [from, to] = [places[i]!, places[i + 1]!];
    if (to <= rangeOffset) after.push(from, to);
    else if (from >= end) after.push(from + shift, to + shift);
    else after.push(NaN, NaN);
  }
  return after;
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((place, i) => place === other[i]);
}
