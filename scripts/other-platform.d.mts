export function platformOf(target: string): { readonly os: string; readonly cpu: string };
