import { type Node, parseTree } from 'jsonc-parser';

/** Something wrong in an experiment's file. UTF-16 offsets into its text. */
export interface PlacedProblem {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

/** A property of the file and where it stands. */
interface Found {
  readonly node: Node;
  /** Whether all of the path that was looked for is there. */
  readonly whole: boolean;
}

const NOWHERE = { start: 0, end: 1 };

/**
 * Puts what the daemon says about a file at its places: by the path that a sentence begins with ("objectives[1].tau is …"), else by the
 * value that it quotes; at the file's first character where neither is found.
 */
export function placeProblems(text: string, message: string): PlacedProblem[] {
  const root = parseTree(text);
  return sentencesOf(message).map((sentence) => {
    const node = root === undefined ? null : (byPath(root, sentence) ?? byValue(root, sentence));
    const place = node === null ? NOWHERE : { start: node.offset, end: node.offset + node.length };
    return { message: sentence, ...place };
  });
}

/** Several problems come as a heading and an indented line each. */
function sentencesOf(message: string): string[] {
  const [heading, ...lines] = message.split('\n');
  const sentences = lines.filter((line) => line.startsWith('  ')).map((line) => line.trim());
  return sentences.length > 0 ? sentences : [heading ?? message];
}

function byPath(root: Node, sentence: string): Node | null {
  const [, path, value] = /^(\S+?) (?:is|cannot be)(?: "([^"]*)")?/.exec(sentence) ?? [];
  if (path === undefined) return null;
  const { node, whole } = walk(root, path);
  if (node === root) return null;
  if (sentence.includes(' is no setting;')) return node.parent?.children?.[0] ?? node;
  // The services name their own arguments: "corpus" is a place of the file, and a word for the corpus of another place.
  if (whole && value !== undefined && !isValue(node, value) && !value.endsWith('…')) return null;
  return node;
}

/** Goes down as far as the path is there. Names in the file may have dots themselves, so the longest key that fits is taken. */
function walk(node: Node, path: string): Found {
  if (path === '') return { node, whole: true };
  const next = step(node, path);
  return next === null ? { node, whole: false } : walk(next.node, next.rest);
}

function step({ type, children = [] }: Node, path: string): { node: Node; rest: string } | null {
  if (type === 'array') {
    const [start, index] = /^\[(\d+)\]\.?/.exec(path) ?? [];
    const node = index === undefined ? undefined : children[Number(index)];
    return start === undefined || node === undefined ? null : { node, rest: path.slice(start.length) };
  }
  const fitting = children.flatMap(({ children: pair }) => {
    const key: unknown = pair?.[0]?.value;
    const node = pair?.[1];
    if (typeof key !== 'string' || node === undefined || !path.startsWith(key)) return [];
    const rest = path.slice(key.length);
    return rest === '' || /^[.[]/.test(rest) ? [{ node, key, rest: rest.replace(/^\./, '') }] : [];
  });
  return fitting.sort((a, b) => b.key.length - a.key.length)[0] ?? null;
}

function byValue(root: Node, sentence: string): Node | null {
  const quoted = [...sentence.matchAll(/"([^"]+)"/g)].map(([, value]) => value!);
  for (const value of quoted) {
    const found = strings(root).find((node) => isValue(node, value));
    if (found !== undefined) return found;
  }
  return null;
}

/** Values of the file that are strings; keys are not among them. */
export function strings({ type, children = [], ...node }: Node): Node[] {
  if (type === 'string') return [{ type, ...node }];
  if (type === 'property') return children.slice(1).flatMap(strings);
  return children.flatMap(strings);
}

/** Whether a string of the file is meant by a value of a message, which has paths in full. */
function isValue({ type, value: own }: Node, value: string): boolean {
  if (type !== 'string' || typeof own !== 'string' || own === '') return false;
  const path = own.replace(/^\.\//, '');
  return own === value || value.replaceAll('\\', '/').endsWith(`/${path}`);
}
