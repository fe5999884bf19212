export const bundlePath: string;
export function messagesOf(
  name: string,
  text: string,
): { readonly messages: readonly string[]; readonly problems: readonly string[] };
export function collect(): {
  readonly bundle: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
};
