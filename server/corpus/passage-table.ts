import { createRequire } from 'node:module';
import type * as arrow from 'apache-arrow';
import type { RecordBatch, Schema, Table } from 'apache-arrow';
import { shippedFile } from '../foundation/package-root.ts';
import type { Passage } from './passage.ts';

/** LanceDB loads the CommonJS build of Arrow, and takes tables of that build alone for its own. */
const loaded = createRequire(shippedFile('package.json'))('apache-arrow') as typeof arrow;
const { Bool, Field, FixedSizeList, Float32, Struct, Uint32, Utf8, makeData, vectorFromArray } = loaded;

/** A passage about to be stored. */
export interface PassageRow {
  readonly passage: Passage;
  /** The first passage kept of its document: how documents are counted without remembering them. */
  readonly opensDocument: boolean;
}

const field = (name: string, type: arrow.Utf8 | arrow.Uint32 | arrow.Bool): arrow.Field => new Field(name, type, false);

/** Columns of a corpus's table. Record fields are one JSON text, since their names are anybody's. */
export function passageSchema(dimensions: number | null): Schema {
  const columns = [
    ...['id', 'text', 'contentHash', 'source', 'document', 'fields'].map((name) => field(name, new Utf8())),
    ...['tokens', 'start', 'end', 'line'].map((name) => field(name, new Uint32())),
    field('opensDocument', new Bool()),
  ];
  if (dimensions !== null)
    columns.push(
      new Field('vector', new FixedSizeList(dimensions, new Field('item', new Float32(), true)) as never, false),
    );
  return new loaded.Schema(columns);
}

/** @param vectors [rows, dimensions] row-major, where the schema has a vector column */
export function passagesToArrow(schema: Schema, rows: readonly PassageRow[], vectors: Float32Array | null): Table {
  const length = rows.length;
  const columnOf = (value: (passage: Passage) => string): string[] => rows.map(({ passage }) => value(passage));
  const numbersOf = (value: (passage: Passage) => number): Uint32Array =>
    Uint32Array.from(rows, ({ passage }) => value(passage));
  const text = (values: string[]) => vectorFromArray(values, new Utf8()).data[0]!;
  const whole = (values: Uint32Array) => makeData({ type: new Uint32(), length, data: values });
  const children = [
    text(columnOf((passage) => passage.id)),
    text(columnOf((passage) => passage.text)),
    text(columnOf((passage) => passage.contentHash)),
    text(columnOf((passage) => passage.provenance.source)),
    text(columnOf((passage) => passage.provenance.document)),
    text(columnOf((passage) => JSON.stringify(passage.fields))),
    whole(numbersOf((passage) => passage.tokens)),
    whole(numbersOf((passage) => passage.provenance.start)),
    whole(numbersOf((passage) => passage.provenance.end)),
    whole(numbersOf((passage) => passage.provenance.line ?? 0)),
    vectorFromArray(
      rows.map((row) => row.opensDocument),
      new Bool(),
    ).data[0]!,
  ] as ReturnType<typeof makeData>[];
  if (vectors !== null)
    children.push(
      makeData({
        type: new FixedSizeList(vectors.length / length, new Field('item', new Float32(), true)),
        length,
        child: makeData({ type: new Float32(), length: vectors.length, data: vectors }),
      }),
    );
  const struct = makeData({ type: new Struct(schema.fields), length, children });
  return new loaded.Table(schema, new loaded.RecordBatch(schema, struct));
}

/** Columns that {@link passageAt} reads. */
export const PASSAGE_COLUMNS = [
  'id',
  'text',
  'contentHash',
  'source',
  'document',
  'fields',
  'tokens',
  'start',
  'end',
  'line',
];

/** A column of a batch as Arrow hands it out. */
export function columnOf(batch: RecordBatch, name: string): { get(row: number): unknown } {
  return batch.getChild(name)!;
}

export function passageAt(batch: RecordBatch, row: number): Passage {
  const text = (name: string): string => columnOf(batch, name).get(row) as string;
  const whole = (name: string): number => columnOf(batch, name).get(row) as number;
  const line = whole('line');
  return {
    id: text('id'),
    text: text('text'),
    tokens: whole('tokens'),
    contentHash: text('contentHash'),
    provenance: {
      source: text('source'),
      document: text('document'),
      start: whole('start'),
      end: whole('end'),
      line: line === 0 ? null : line,
    },
    fields: JSON.parse(text('fields')) as Record<string, string>,
  };
}

/** Copies a batch's vectors to `target` from row `first` on. @param target [rows, dimensions] */
export function copyVectors(batch: RecordBatch, target: Float32Array, first: number, dimensions: number): void {
  let row = first;
  for (const data of batch.getChild('vector')!.data) {
    const values = data.children[0]!.values as Float32Array;
    target.set(values.subarray(data.offset * dimensions, (data.offset + data.length) * dimensions), row * dimensions);
    row += data.length;
  }
}
