import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';

interface Command {
  readonly command: string;
  readonly title: string;
  readonly category?: string;
  readonly icon?: string;
}
interface MenuEntry {
  readonly command?: string;
  readonly when?: string;
  readonly group?: string;
}
interface Setting {
  readonly type: string;
  readonly scope?: string;
  readonly order?: number;
  readonly markdownDescription?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly enumDescriptions?: readonly string[];
}
interface Step {
  readonly id: string;
  readonly description: string;
  readonly media: { readonly svg?: string; readonly markdown?: string; readonly altText?: string };
  readonly completionEvents: readonly string[];
}
interface Manifest {
  readonly l10n: string;
  readonly activationEvents: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly supported: string; readonly restrictedConfigurations: readonly string[] };
    readonly virtualWorkspaces: { readonly supported: string; readonly description: string };
  };
  readonly extensionKind: readonly string[];
  readonly contributes: {
    readonly commands: readonly Command[];
    readonly configuration: { readonly properties: Readonly<Record<string, Setting>> };
    readonly colors: readonly { readonly id: string; readonly defaults: Readonly<Record<string, string>> }[];
    readonly menus: Readonly<Record<string, readonly MenuEntry[]>>;
    readonly views: Readonly<Record<string, readonly { readonly id: string; readonly visibility?: string }[]>>;
    readonly viewsWelcome: readonly { readonly view: string; readonly contents: string; readonly when?: string }[];
    readonly walkthroughs: readonly { readonly id: string; readonly steps: readonly Step[] }[];
  };
}

const source = readFileSync(join(packageRoot, 'package.json'), 'utf8');
const { contributes, ...manifest } = JSON.parse(source) as Manifest;
const words = JSON.parse(readFileSync(join(packageRoot, 'package.nls.json'), 'utf8')) as Record<string, string>;
const commands = new Set(contributes.commands.map(({ command }) => command));
const settings = Object.entries(contributes.configuration.properties);
const views = Object.values(contributes.views).flatMap((each) => each.map(({ id }) => id));
const menus = Object.entries(contributes.menus).flatMap(([menu, entries]) =>
  entries.map((entry) => ({ menu, ...entry })),
);

/** What a text of the manifest says, looked up where it is a key. */
const said = (text: string): string => (/^%.+%$/.test(text) ? (words[text.slice(1, -1)] ?? '') : text);
const linked = (text: string): string[] => [...said(text).matchAll(/\(command:([\w.]+)/g)].map(([, id]) => id!);
const isOurs = (id: string): boolean =>
  commands.has(id) || views.some((view) => id === `${view}.focus`) || /^(vscode|workbench)\./.test(id);

describe('texts of package.json', () => {
  it('are in package.nls.json, and nothing else is', () => {
    const used = [...source.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!);
    expect([...new Set(used)].sort()).toEqual(Object.keys(words).sort());
    expect(Object.entries(words).filter(([, text]) => text.trim() === '')).toEqual([]);
  });

  it('link to commands that exist', () => {
    const links = Object.keys(words).flatMap((key) => linked(`%${key}%`));
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((id) => !isOurs(id))).toEqual([]);
  });
});

describe('views of the side bar', () => {
  it('are open where they are needed first, and no more of them than fit 800 pixels', () => {
    const open = Object.values(contributes.views).flatMap((each) =>
      each.filter(({ visibility }) => visibility !== 'collapsed').map(({ id }) => id),
    );
    expect(open).toEqual(['ssae.seeds', 'ssae.corpora', 'ssae.features', 'ssae.jobs']);
  });
});

describe('commands', () => {
  it('have a title to be translated, and say whose they are', () => {
    // Menus of the editor itself show no category: what stands there has it in its title.
    const bare = contributes.commands.filter(
      ({ title, category }) =>
        !/^%.+%$/.test(title) || (category !== 'SSAE Studio' && !said(title).startsWith('SSAE Studio: ')),
    );
    expect(bare).toEqual([]);
    expect(commands.size).toBe(contributes.commands.length);
  });

  it('are contributed where a menu shows them, with an icon where it shows icons', () => {
    const icons = new Set(contributes.commands.filter(({ icon }) => icon !== undefined).map(({ command }) => command));
    const named = menus.filter(({ command }) => command !== undefined);
    expect(named.filter(({ command }) => !commands.has(command!))).toEqual([]);
    const drawn = named.filter(({ group }) => /^(inline|navigation)/.test(group ?? ''));
    expect(drawn.filter(({ menu, command }) => menu !== 'commandPalette' && !icons.has(command!))).toEqual([]);
  });

  it('are kept from the palette where they need what only a menu gives', () => {
    const palette = contributes.menus['commandPalette']!;
    expect(palette.filter(({ when }) => when === undefined)).toEqual([]);
    expect(new Set(palette.map(({ command }) => command)).size).toBe(palette.length);
    const hidden = new Set(palette.filter(({ when }) => when === 'false').map(({ command }) => command));
    const needing =
      /^ssae\.((pause|resume|cancel|show)Job|(rename|remove)Seed|openSeedFile|revealSeed|retrieveForSeeds)/;
    const offered = [...commands].filter((id) => needing.test(id) && !hidden.has(id));
    expect(offered).toEqual([]);
  });
});

describe('settings', () => {
  it('have scope, description, order and default', () => {
    const lacking = settings.filter(([, { scope, markdownDescription, order, default: value }]) => {
      return ![scope, markdownDescription, order, value].every((part) => part !== undefined);
    });
    expect(lacking).toEqual([]);
    expect(new Set(settings.map(([, { order }]) => order)).size).toBe(settings.length);
    for (const [, { enum: values, enumDescriptions }] of settings)
      expect(enumDescriptions?.length).toBe(values?.length);
  });

  it('are those that the code reads', () => {
    const text = readFileSync(join(packageRoot, 'client', 'settings.ts'), 'utf8');
    const [, body] = /interface Settings \{([^}]*)\}/.exec(text)!;
    const read = [...body!.matchAll(/readonly '?([\w.]+)'?:/g)].map(([, name]) => `ssae.${name}`);
    expect(read.sort()).toEqual(settings.map(([name]) => name).sort());
  });

  it('that name programs, folders or what is loaded are not taken from a workspace that is not trusted', () => {
    const naming = settings.filter(([name]) => /home|path|dictionary|baseline/i.test(name)).map(([name]) => name);
    const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    expect(supported).toBe('limited');
    expect([...restrictedConfigurations].sort()).toEqual(naming.sort());
    for (const name of ['ssae.home', 'ssae.nodePath'])
      expect(contributes.configuration.properties[name]?.scope).toBe('machine');
  });
});

describe('what VS Code is told', () => {
  it('activates by narrow events', () => {
    const broad = manifest.activationEvents.filter(
      (event) => !/^(onStartupFinished|on(WebviewPanel|FileSystem):ssae[.\w]*)$/.test(event),
    );
    expect(broad).toEqual([]);
  });

  it('runs where the files are, and says what works without trust and without files', () => {
    expect(manifest.extensionKind).toEqual(['workspace']);
    expect(manifest.capabilities.virtualWorkspaces.supported).toBe('limited');
    expect(said(manifest.capabilities.virtualWorkspaces.description)).toMatch(/files on disk/);
    expect(existsSync(join(packageRoot, manifest.l10n, 'bundle.l10n.json'))).toBe(true);
  });

  it('has a colour for each kind of theme', () => {
    const kinds = ['dark', 'highContrast', 'highContrastLight', 'light'];
    for (const { id, defaults } of contributes.colors)
      expect([id, ...Object.keys(defaults).sort()]).toEqual([id, ...kinds]);
  });

  it('says in every empty view what to do next, with a button', () => {
    for (const view of views) {
      const texts = contributes.viewsWelcome.filter((each) => each.view === view);
      expect(texts.length, view).toBeGreaterThan(0);
      for (const { contents } of texts) expect(linked(contents).length, view).toBeGreaterThan(0);
    }
  });

  it('has one walkthrough of few steps, each with a picture, a button and an end', () => {
    expect(contributes.walkthroughs).toHaveLength(1);
    const { steps } = contributes.walkthroughs[0]!;
    expect(steps.length).toBeLessThanOrEqual(5);
    for (const { id, description, media, completionEvents } of steps) {
      expect(existsSync(join(packageRoot, media.svg ?? media.markdown ?? '')), id).toBe(true);
      if (media.svg !== undefined) expect(said(media.altText ?? ''), id).not.toBe('');
      expect(linked(description).length, id).toBeGreaterThan(0);
      const awaited = completionEvents
        .filter((event) => event.startsWith('onCommand:'))
        .map((event) => event.slice(10));
      expect(awaited.filter((command) => !isOurs(command))).toEqual([]);
      expect(completionEvents.length, id).toBeGreaterThan(0);
    }
  });
});
