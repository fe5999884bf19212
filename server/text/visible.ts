/** As word processors and the editor draw them: of Windows Glyph List 4, so that interface fonts have them; few have ⏎, ⇥ and ␣. */
const MARKS: Readonly<Record<string, string>> = { '\r\n': '¶', '\n': '¶', '\t': '→', ' ': '·' };

/** White space and characters without a shape as ones that can be seen: ¶, →, ·, else the code point (U+00A0). */
export function visible(text: string): string {
  return text.replace(/\r\n|[\p{Cc}\p{Z}\u00ad\u200b\ufeff]/gu, (hidden) => MARKS[hidden] ?? codePoint(hidden));
}

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}
