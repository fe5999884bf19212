import type * as vscode from 'vscode';
import { type Boot, BOOT_ELEMENT } from '../../server/protocol/panels/boot.ts';
import { setting } from '../settings.ts';
import { pageWithData } from './webview-page.ts';

/** The page of a panel with its words. */
export function webviewPage(
  webview: vscode.Webview,
  extension: vscode.Uri,
  { name, title, words }: { readonly name: string; readonly title: string; readonly words: Boot['words'] },
): string {
  const boot: Boot = { words, scale: setting('highlight.scale') };
  return pageWithData(webview, extension, { name, title, data: { [BOOT_ELEMENT]: boot } });
}
