import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { platformOf } from '../scripts/other-platform.mjs';
import { packageRoot } from '../server/foundation/package-root.ts';

const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

describe('a package for another platform', () => {
  it.each(TARGETS)('%s has a library of onnxruntime', (target) => {
    const { os, cpu } = platformOf(target);
    const folder = join(packageRoot, 'node_modules', 'onnxruntime-node', 'bin');
    const places = readdirSync(folder).map((version) => join(folder, version, os, cpu));
    expect(places.filter((place) => existsSync(place))).toHaveLength(1);
    expect(readdirSync(places[0]!).filter((name) => /^(lib)?onnxruntime\..*(so|dylib|dll)/.test(name))).not.toEqual([]);
  });

  it.each(['darwin-x64', 'alpine-x64', 'windows'])('%s is refused by name, with those that there are', (target) => {
    expect(() => platformOf(target)).toThrow(new RegExp(`"${target}", expected one of ${TARGETS.join(', ')}`));
  });
});
