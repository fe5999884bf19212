const MAX_LENGTH = 100;

/** Anything as a name that can be stored: other characters become "-". */
export function asName(text: string): string {
  const name = text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|[._-]+$/g, '');
  return name.slice(0, MAX_LENGTH).replace(/[._-]+$/, '');
}

/** The name a selection is offered under: seeds, corpus and arm. */
export function selectionName(seeds: string, corpus: string, arm: string): string {
  return asName([seeds, corpus, arm].filter((part) => part !== '').join('-')) || 'selection';
}
