const STAMP = /\.[0-9a-f]{8}$/;

/** What an experiment stores its own corpora and seed sets under: NAME.HASH, so that changed content is never added to the old. */
export function stampedName(name: string, contentHash: string): string {
  return `${name}.${contentHash.slice(0, 8)}`;
}

/** Names that a person gave: what an experiment made for itself is left out. */
export function givenNames(names: readonly string[]): string[] {
  return names.filter((name) => !STAMP.test(name));
}
