export function collect(): { readonly bundle: string; readonly computed: readonly string[] };
