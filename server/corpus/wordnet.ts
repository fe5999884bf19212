import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Parts of speech by the letter of WordNet's files; adjective satellites (`s`) are in the adjectives' file. */
const FILES = { n: 'noun', v: 'verb', a: 'adj', r: 'adv' } as const;
type FileLetter = keyof typeof FILES;

/** Names of the lexicographer files in the order of their numbers (lexnames(5WN)). */
const LEXICOGRAPHER_FILES = [
  ...['adj.all', 'adj.pert', 'adv.all', 'noun.Tops', 'noun.act', 'noun.animal', 'noun.artifact', 'noun.attribute'],
  ...['noun.body', 'noun.cognition', 'noun.communication', 'noun.event', 'noun.feeling', 'noun.food', 'noun.group'],
  ...['noun.location', 'noun.motive', 'noun.object', 'noun.person', 'noun.phenomenon', 'noun.plant', 'noun.possession'],
  ...['noun.process', 'noun.quantity', 'noun.relation', 'noun.shape', 'noun.state', 'noun.substance', 'noun.time'],
  ...['verb.body', 'verb.change', 'verb.cognition', 'verb.communication', 'verb.competition', 'verb.consumption'],
  ...['verb.contact', 'verb.creation', 'verb.emotion', 'verb.motion', 'verb.perception', 'verb.possession'],
  ...['verb.social', 'verb.stative', 'verb.weather', 'adj.ppl'],
];

/** Pointers that are followed: hypernym, instance hypernym, domain of topic, domain of usage. */
type PointerSymbol = '@' | '@i' | ';c' | ';u';
const FOLLOWED: readonly string[] = ['@', '@i', ';c', ';u'] satisfies PointerSymbol[];

interface Synset {
  /** Letter of the file and byte offset in it: `n00001740`. */
  readonly key: string;
  readonly partOfSpeech: string;
  readonly lexicographerFile: string;
  readonly lemmas: readonly string[];
  readonly pointers: readonly { readonly symbol: string; readonly target: string }[];
  readonly gloss: string;
  /** Of its line in the file. */
  readonly bytes: number;
}

/** A line of data.noun and its like (wndb(5WN)); null for the licence's lines at the top. */
function parseSynset(line: string, file: FileLetter): Synset | null {
  if (line.startsWith('  ') || line === '') return null;
  const bar = line.indexOf(' | ');
  const parts = line.slice(0, bar).split(' ');
  const words = parseInt(parts[3]!, 16);
  const pointerCount = Number(parts[4 + 2 * words]);
  const lemmas = Array.from({ length: words }, (_, word) =>
    parts[4 + 2 * word]!.replace(/\(.*?\)/, '').replaceAll('_', ' '),
  );
  const pointers = Array.from({ length: pointerCount }, (_, pointer) => {
    const [symbol, offset, letter] = parts.slice(5 + 2 * words + 4 * pointer);
    return { symbol: symbol!, target: `${letter === 's' ? 'a' : letter!}${offset!}` };
  });
  return {
    key: file + parts[0]!,
    partOfSpeech: FILES[file],
    lexicographerFile: LEXICOGRAPHER_FILES[Number(parts[1])]!,
    lemmas,
    pointers: pointers.filter(({ symbol }) => FOLLOWED.includes(symbol)),
    gloss: line.slice(bar + 3).trim(),
    bytes: Buffer.byteLength(line) + 1,
  };
}

function targets(synset: Synset, ...symbols: readonly PointerSymbol[]): string[] {
  const wanted: readonly string[] = symbols;
  return synset.pointers.filter(({ symbol }) => wanted.includes(symbol)).map(({ target }) => target);
}

/** A gloss with its labels. */
export interface LabelledGloss {
  readonly key: string;
  /** "lemmas: gloss" */
  readonly text: string;
  readonly partOfSpeech: string;
  readonly lexicographerFile: string;
  /** Topics that WordNet's `;c` pointers name. */
  readonly domain: readonly string[];
  /** `domain`, and every topic above those: see {@link WordNet}. */
  readonly domains: readonly string[];
  /** What `;u` pointers name: "disparagement", "trope", "plural form". */
  readonly usage: readonly string[];
  /** Bytes of WordNet's files that it was made of. */
  readonly bytes: number;
}

/** Bytes of the files that glosses are read from. @param folder `dict` */
export function wordNetBytes(folder: string): number {
  return Object.values(FILES).reduce((sum, name) => sum + statSync(join(folder, `data.${name}`)).size, 0);
}

/**
 * WordNet's glosses with topic labels. A topic is a synset that some `;c` pointer names. A gloss belongs to the topics its own
 * pointers name, and to every topic above one: reached from it by hypernyms (optics → physics) or by its own `;c` pointers.
 * A topic's own gloss belongs to it.
 */
export class WordNet {
  readonly #synsets = new Map<string, Synset>();
  readonly #topics = new Set<string>();
  readonly #above = new Map<string, ReadonlySet<string>>();

  /** @param folder `dict`, with data.noun, data.verb, data.adj and data.adv */
  constructor(folder: string) {
    for (const letter of Object.keys(FILES) as FileLetter[])
      for (const line of readFileSync(join(folder, `data.${FILES[letter]}`), 'utf8').split(/\r?\n/)) {
        const synset = parseSynset(line, letter);
        if (synset === null) continue;
        this.#synsets.set(synset.key, synset);
        for (const topic of targets(synset, ';c')) this.#topics.add(topic);
      }
  }

  *glosses(): Generator<LabelledGloss> {
    for (const synset of this.#synsets.values()) {
      const direct = targets(synset, ';c');
      const roots = this.#topics.has(synset.key) ? [...direct, synset.key] : direct;
      yield {
        key: synset.key,
        text: `${synset.lemmas.join(', ')}: ${synset.gloss}`,
        partOfSpeech: synset.partOfSpeech,
        lexicographerFile: synset.lexicographerFile,
        domain: this.#names(direct),
        domains: this.#names(roots.flatMap((topic) => [topic, ...this.#topicsAbove(topic)])),
        usage: this.#names(targets(synset, ';u')),
        bytes: synset.bytes,
      };
    }
  }

  #names(keys: readonly string[]): string[] {
    return [...new Set(keys.map((key) => this.#synsets.get(key)!.lemmas[0]!))];
  }

  /** Topics reached from a synset, itself left out. */
  #topicsAbove(key: string): ReadonlySet<string> {
    const known = this.#above.get(key);
    if (known !== undefined) return known;
    const above = new Set<string>();
    const visited = new Set([key]);
    const open = [key];
    for (let next = open.pop(); next !== undefined; next = open.pop())
      for (const target of targets(this.#synsets.get(next)!, '@', '@i', ';c')) {
        if (visited.has(target)) continue;
        visited.add(target);
        open.push(target);
        if (this.#topics.has(target)) above.add(target);
      }
    this.#above.set(key, above);
    return above;
  }
}
