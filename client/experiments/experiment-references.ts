import { getNodeValue, type Node, parseTree } from 'jsonc-parser';

/** A name in an experiment's file that stands for something outside of it. */
export interface ExperimentReference {
  readonly kind: 'corpus' | 'seeds' | 'dictionary' | 'file';
  readonly name: string;
  /** UTF-16 offsets into the file's text. */
  readonly start: number;
  readonly end: number;
}

type Value = Readonly<Record<string, unknown>>;

/** Names that the daemon must know and files that must be there. Where the file is not as the schema has it there are none. */
export function experimentReferences(text: string): ExperimentReference[] {
  const root = parseTree(text);
  if (root?.type !== 'object') return [];
  const corpora = new Set(Object.keys(objectAt(getNodeValue(root), 'corpora')));
  const at = (...path: readonly string[]): Node | undefined => path.reduce<Node | undefined>(property, root);
  const seedSets = (at('seeds')?.children ?? []).flatMap(({ children }) => children?.slice(1) ?? []);
  const corpusPlaces = [at('corpus'), at('evaluation', 'domain', 'corpus'), at('evaluation', 'general', 'corpus')];
  return [
    ...corpusPlaces.flatMap((node) => reference('corpus', node)).filter(({ name }) => !corpora.has(name)),
    ...reference('dictionary', at('dictionary')),
    ...seedSets.flatMap((set) => reference('seeds', property(set, 'stored'))),
    ...seedSets.flatMap((set) => property(set, 'files')?.children ?? []).flatMap((node) => reference('file', node)),
  ];
}

function objectAt(value: unknown, key: string): Value {
  const inner = typeof value === 'object' && value !== null ? (value as Value)[key] : null;
  return typeof inner === 'object' && inner !== null ? (inner as Value) : {};
}

function property(node: Node | undefined, key: string): Node | undefined {
  return node?.children?.find(({ children }) => children?.[0]?.value === key)?.children?.[1];
}

/** A path is a file, also where a stored name could stand. */
function reference(kind: ExperimentReference['kind'], node: Node | undefined): ExperimentReference[] {
  if (node?.type !== 'string' || typeof node.value !== 'string' || node.value === '') return [];
  const isPath = kind !== 'corpus' && /[\\/]/.test(node.value);
  const place = { start: node.offset, end: node.offset + node.length };
  return [{ kind: isPath ? 'file' : kind, name: node.value, ...place }];
}

/** `FILE:START-END` is lines of a file, unless a file has that name. */
export function fileOfSeeds(name: string): string {
  return name.replace(/:\d+(?:-\d+)?$/, '');
}
