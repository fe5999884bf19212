import type { BuildOptions } from 'esbuild';

export const extension: BuildOptions & { metafile: true };
export const lateParts: BuildOptions & { metafile: true };
