import { Boot, BOOT_ELEMENT, fillIn } from '../../server/protocol/panels/boot.ts';

function read(): Boot {
  const parsed = Boot.safeParse(JSON.parse(document.getElementById(BOOT_ELEMENT)?.textContent ?? 'null'));
  return parsed.success ? parsed.data : { words: {}, scale: 'log' };
}

const boot = read();

export const activationScale = boot.scale;

/** In the reader's language where the extension has it. */
export function t(words: string, ...values: readonly (string | number)[]): string {
  return fillIn(boot.words[words] ?? words, values);
}
