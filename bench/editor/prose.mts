const SUBJECTS = [
  ...['an isolated system', 'the scalar field', 'a rotating star', 'the detector', 'a thin lens', 'the lattice'],
  ...['a quark pair', 'the event horizon', 'an electron gas', 'the wave packet', 'a cold plasma', 'the interferometer'],
];
const VERBS = ['conserves', 'emits', 'scatters', 'absorbs', 'measures', 'bends', 'couples to', 'screens', 'amplifies'];
const OBJECTS = [
  ...['its total energy', 'light of a distant galaxy', 'angular momentum', 'the magnetic moment', 'thermal photons'],
  ...['the gauge coupling', 'a standing wave', 'the vacuum expectation value', 'neutrino flux', 'heat and work'],
];
const ENDINGS = [
  ...['at low temperature', 'within the error of the fit', 'near the critical point', 'in the weak field limit'],
  ...['as Noether’s theorem requires', 'over ten orders of magnitude', 'before recombination', 'in natural units'],
];
const LINE_CHARACTERS = 95;
const LINES_A_PARAGRAPH = 6;

/** Numbers of [0, 1) from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lines of some 95 characters in paragraphs of six; with figures, so that two seeds share no segment. */
export function prose(seed: number, lines: number): string {
  const next = random(seed);
  const one = (words: readonly string[]): string => words[Math.floor(next() * words.length)]!;
  const sentence = (): string =>
    `In run ${Math.floor(next() * 1e6)} ${one(SUBJECTS)} ${one(VERBS)} ${one(OBJECTS)} ${one(ENDINGS)}.`;
  const written: string[] = [];
  let words: string[] = [];
  while (written.length < lines) {
    if (written.length % (LINES_A_PARAGRAPH + 1) === LINES_A_PARAGRAPH) {
      written.push('');
      continue;
    }
    let line = '';
    while (line.length < LINE_CHARACTERS) {
      if (words.length === 0) words = sentence().split(' ');
      line += `${line === '' ? '' : ' '}${words.shift()!}`;
    }
    written.push(line);
  }
  return `${written.join('\n')}\n`;
}
