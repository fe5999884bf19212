/** Text from a file or a dictionary, to be shown literally inside Markdown, in a table too. */
export function literalMarkdown(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ').replace(/[\\`*_{}[\]()#+\-.!|<>~$&]/g, '\\$&');
}
