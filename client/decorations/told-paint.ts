/** As VS Code tells of an edit; offsets into the text before it. */
export interface TextChange {
  readonly rangeOffset: number;
  readonly rangeLength: number;
  readonly text: string;
}

interface Told {
  /** From and to of each stretch, one after the other, as they were told; null where the window may paint elsewhere by now. */
  places: readonly number[] | null;
  /** What edits before the first of them have moved them all by. */
  shift: number;
  /** Number of the message that told of them. */
  readonly message: number;
}

/** The edits of one change, last first: places of those before are as they were. */
export function backwards(changes: readonly TextChange[]): TextChange[] {
  return [...changes].sort((a, b) => b.rangeOffset - a.rangeOffset);
}

/** What a window was told to paint in one editor, layer by layer, where its edits have moved it since. */
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
    const last = backwards(changes);
    for (const told of this.#told.values())
      if (told.message > this.#arrived) told.places = unknown(told.places);
      else for (const change of last) move(told, change);
  }

  /** Takes note of the version of the document; one that no edit told of makes all places unknown. */
  follow(version: number): void {
    if (version !== this.#version) for (const told of this.#told.values()) told.places = unknown(told.places);
    this.#version = version;
  }

  /** Whether the paint of a layer lies where it was told to, moved by the edits since. */
  isKnown(layer: number): boolean {
    return this.#told.get(layer)?.places !== null;
  }

  /** Whether the window has to be told these places; if so they count as told. */
  takes(layer: number, places: readonly number[]): boolean {
    const told = this.#told.get(layer);
    if (told === undefined ? places.length === 0 : isSame(told, places)) return false;
    this.#told.set(layer, { places, shift: 0, message: ++this.#sent });
    return true;
  }
}

/** Where nothing is painted nothing can have moved. */
function unknown(places: readonly number[] | null): readonly number[] | null {
  return places?.length === 0 ? places : null;
}

function move(told: Told, { rangeOffset, rangeLength, text }: TextChange): void {
  if (told.places === null || told.places.length === 0) return;
  const end = rangeOffset + rangeLength;
  const shift = text.length - rangeLength;
  if (told.places.at(-1)! + told.shift <= rangeOffset) return;
  if (told.places[0]! + told.shift >= end) {
    told.shift += shift;
    return;
  }
  const after: number[] = [];
  for (let i = 0; i < told.places.length; i += 2) {
    const [from, to] = [told.places[i]! + told.shift, told.places[i + 1]! + told.shift];
    if (to <= rangeOffset) after.push(from, to);
    else if (from >= end) after.push(from + shift, to + shift);
    else {
      told.places = null;
      return;
    }
  }
  [told.places, told.shift] = [after, 0];
}

function isSame({ places, shift }: Told, other: readonly number[]): boolean {
  return places?.length === other.length && places.every((place, i) => place + shift === other[i]);
}
