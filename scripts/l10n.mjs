/**
 * Collects what the extension says: every literal given to `vscode.l10n.t`, into l10n/bundle.l10n.json, which translators copy to
 * bundle.l10n.LANGUAGE.json. Run it after a string was added: node scripts/l10n.mjs
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE = join(root, 'l10n', 'bundle.l10n.json');

/** `vscode.l10n.t(…)`, or `t(…)` where a file has taken `t` from there. */
function isTranslation(callee) {
  return ts.isPropertyAccessExpression(callee) ? callee.getText().endsWith('l10n.t') : callee.getText() === 't';
}

/** @returns {{ strings: string[], computed: string[] }} literals, and places of calls whose text is no literal */
function stringsOf(path, name) {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = { strings: [], computed: [] };
  const visit = (node) => {
    if (ts.isCallExpression(node) && isTranslation(node.expression)) {
      const [message] = node.arguments;
      if (message !== undefined && ts.isStringLiteralLike(message)) found.strings.push(message.text);
      else found.computed.push(`${name}:${file.getLineAndCharacterOfPosition(node.pos).line + 1}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

export function collect() {
  const files = readdirSync(join(root, 'client'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
  const found = files.map((name) => stringsOf(join(root, 'client', name), name));
  const strings = [...new Set(found.flatMap((each) => each.strings))].sort();
  return {
    bundle: `${JSON.stringify(Object.fromEntries(strings.map((text) => [text, text])), null, 2)}\n`,
    computed: found.flatMap((each) => each.computed),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(BUNDLE, collect().bundle);
