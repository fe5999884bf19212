/**
 * `npm run l10n`: writes l10n/bundle.l10n.json, every message that client/ gives to vscode.l10n.t. A translation is a copy of
 * it, bundle.l10n.LANGUAGE.json, with other values. test/l10n.test.ts fails when it is old.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
export const bundlePath = join(root, 'l10n', 'bundle.l10n.json');

const SHOW_MESSAGE = /^show(Information|Warning|Error)Message$/;
/** Properties of what VS Code shows: quick picks, input boxes, progress, tree items. */
const SHOWN_PROPERTIES = new Set(['title', 'placeHolder', 'placeholder', 'prompt', 'detail', 'tooltip', 'openLabel']);
/** The product's name, and text without words, are the same in every language. */
const needsWords = (text) => text !== 'SSAE Studio' && /\p{L}{2}/u.test(text.replace(/\$\([\w~-]+\)/g, ''));

/**
 * What one source file gives to vscode.l10n.t, and where it shows words that it does not.
 * @returns {{ messages: string[], problems: string[] }}
 */
export function messagesOf(name, text) {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const usesShortName = /\{[^{}]*\bt\b[^{}]*\}\s*=\s*(vscode\.)?l10n\b/.test(text);
  const showsWords = /from 'vscode'/.test(text); // What does not know the editor shows nothing by itself.
  const messages = [];
  const problems = [];
  const complain = (node, what) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    problems.push(`${name}:${line + 1} ${what}: ${node.getText().slice(0, 80)}`);
  };
  const visit = (node) => {
    if (ts.isCallExpression(node)) {
      if (isTranslation(node.expression, usesShortName)) {
        const [message] = node.arguments;
        if (message !== undefined && ts.isStringLiteralLike(message)) messages.push(message.text);
        else complain(node, 'a message is no literal');
      } else if (SHOW_MESSAGE.test(nameOf(node.expression)))
        for (const given of node.arguments) if (isWords(given)) complain(given, 'is shown untranslated');
    }
    if (ts.isPropertyAssignment(node) && SHOWN_PROPERTIES.has(node.name.getText()) && isWords(node.initializer))
      complain(node, 'is shown untranslated');
    if (isAssignment(node) && SHOWN_PROPERTIES.has(nameOf(node.left)) && isWords(node.right))
      complain(node, 'is shown untranslated');
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { messages, problems: showsWords ? problems : [] };
}

const nameOf = (node) =>
  ts.isPropertyAccessExpression(node) ? node.name.text : ts.isIdentifier(node) ? node.text : '';

const isAssignment = (node) =>
  ts.isBinaryExpression(node) &&
  node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
  ts.isPropertyAccessExpression(node.left);

function isTranslation(callee, usesShortName) {
  if (ts.isPropertyAccessExpression(callee)) return callee.name.text === 't' && nameOf(callee.expression) === 'l10n';
  return usesShortName && ts.isIdentifier(callee) && callee.text === 't';
}

function isWords(node) {
  if (ts.isStringLiteralLike(node)) return needsWords(node.text);
  if (ts.isTemplateExpression(node))
    return [node.head, ...node.templateSpans.map(({ literal }) => literal)].some(({ text }) => needsWords(text));
  if (ts.isConditionalExpression(node)) return isWords(node.whenTrue) || isWords(node.whenFalse);
  return false;
}

/** All messages of client/, sorted, as the bundle holds them; and all that is shown without being one. */
export function collect() {
  const files = readdirSync(join(root, 'client'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(root, 'client', name));
  const found = files.map((path) => messagesOf(relative(root, path), readFileSync(path, 'utf8')));
  const messages = [...new Set(found.flatMap((each) => each.messages))].sort();
  const problems = found.flatMap((each) => each.problems);
  return { bundle: Object.fromEntries(messages.map((message) => [message, message])), problems };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { bundle, problems } = collect();
  writeFileSync(bundlePath, `${JSON.stringify(bundle, null, 2)}\n`);
  for (const problem of problems) console.error(problem);
  console.log(`${relative(root, bundlePath)}: ${Object.keys(bundle).length} messages`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
