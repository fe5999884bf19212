import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect } from '../scripts/l10n.mjs';
import { packageRoot } from '../server/foundation/package-root.ts';

interface Manifest {
  readonly activationEvents: readonly string[];
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly category?: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command?: string; readonly when?: string }[]>>;
    readonly colors: readonly { readonly id: string; readonly defaults: Readonly<Record<string, string>> }[];
    readonly configuration: {
      readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsWelcome: readonly { readonly view: string; readonly contents: string }[];
    readonly walkthroughs: readonly {
      readonly steps: readonly {
        readonly media: { readonly svg: string };
        readonly completionEvents: readonly string[];
      }[];
    }[];
  };
}

const read = (name: string): string => readFileSync(join(packageRoot, name), 'utf8');
const text = read('package.json');
const manifest = JSON.parse(text) as Manifest;
const words = JSON.parse(read('package.nls.json')) as Readonly<Record<string, string>>;
const { commands, menus, colors, configuration, views, viewsWelcome, walkthroughs } = manifest.contributes;
const known = new Set(commands.map(({ command }) => command));

describe('package.json', () => {
  it('names every string that it shows, and no other', () => {
    const used = new Set([...text.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!));
    expect([...used].filter((key) => words[key] === undefined)).toEqual([]);
    expect(Object.keys(words).filter((key) => !used.has(key))).toEqual([]);
  });

  it('gives every command one category, and refers only to commands that there are', () => {
    expect(known.size).toBe(commands.length);
    expect(commands.filter(({ category }) => category !== 'SSAE Studio')).toEqual([]);
    const inMenus = Object.values(menus).flatMap((items) => items.flatMap(({ command }) => command ?? []));
    const linked = Object.values(words).flatMap((word) =>
      [...word.matchAll(/\(command:(ssae\.\w+)\)/g)].map(([, id]) => id!),
    );
    const awaited = walkthroughs.flatMap(({ steps }) =>
      steps.flatMap(({ completionEvents }) => completionEvents.map((event) => event.replace('onCommand:', ''))),
    );
    expect([...inMenus, ...linked, ...awaited].filter((id) => id.startsWith('ssae.') && !known.has(id))).toEqual([]);
  });

  it('describes every setting, with scope, default and place', () => {
    for (const [name, setting] of Object.entries(configuration.properties)) {
      expect(name).toMatch(/^ssae\./);
      expect(Object.keys(setting), name).toEqual(
        expect.arrayContaining(['type', 'default', 'scope', 'order', 'markdownDescription']),
      );
    }
    const paths = ['ssae.home', 'ssae.nodePath', 'ssae.dictionary', 'ssae.baseline'];
    expect(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations).toEqual(paths);
  });

  it('gives every colour a default in each kind of theme', () => {
    for (const { id, defaults } of colors)
      expect(Object.keys(defaults).sort(), id).toEqual(['dark', 'highContrast', 'highContrastLight', 'light']);
  });

  it('says in every empty view what to do next', () => {
    for (const { id } of Object.values(views).flat())
      if (id !== 'ssae.dictionaries')
        // never empty: one is built in
        expect(
          viewsWelcome.some(({ view }) => view === id),
          id,
        ).toBe(true);
    for (const { contents } of viewsWelcome) expect(words[contents.slice(1, -1)]).toMatch(/\(command:[\w.]+\)/);
  });

  it('activates on narrow events', () => {
    expect(manifest.activationEvents).not.toContain('*');
  });

  it('shows pictures that there are', () => {
    for (const { steps } of walkthroughs)
      for (const { media } of steps) expect(existsSync(join(packageRoot, media.svg)), media.svg).toBe(true);
  });
});

describe('what the extension says', () => {
  it('is all in the bundle for translators; after a change run: node scripts/l10n.mjs', () => {
    const { bundle, computed } = collect();
    expect(computed).toEqual([]);
    expect(read('l10n/bundle.l10n.json')).toBe(bundle);
  });
});
