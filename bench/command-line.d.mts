export function outputOf(program: string, words: readonly string[], env?: NodeJS.ProcessEnv): string;
/** @param root URL of the repository */
export function commandLine(root: URL, env?: NodeJS.ProcessEnv): (...words: readonly string[]) => unknown;
