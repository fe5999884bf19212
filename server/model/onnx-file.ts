import { readFile, stat } from 'node:fs/promises';
import protobuf from 'protobufjs';
import type Long from 'long';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { leaveWeightsInFiles } from './external-weights.ts';

/**
 * The parts of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that cutting a graph reads. What it only passes on
 * (types of values, local functions, sparse tensors) is kept as bytes, so that nothing is lost on the way through.
 */
const SCHEMA = `
syntax = "proto2";
message AttributeProto {
  optional string name = 1; optional string ref_attr_name = 21; optional string doc_string = 13; optional int32 type = 20;
  optional float f = 2; optional int64 i = 3; optional bytes s = 4; optional TensorProto t = 5; optional GraphProto g = 6;
  optional bytes sparse_tensor = 22; optional bytes tp = 14;
  repeated float floats = 7; repeated int64 ints = 8; repeated bytes strings = 9; repeated TensorProto tensors = 10;
  repeated GraphProto graphs = 11; repeated bytes sparse_tensors = 23; repeated bytes type_protos = 15;
}
message NodeProto {
  repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
  optional string domain = 7; optional string overload = 8; repeated AttributeProto attribute = 5; optional string doc_string = 6;
}
message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; optional string denotation = 3; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorType { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
message TypeProto { optional TensorType tensor_type = 1; optional bytes sequence_type = 4; optional bytes map_type = 5; optional string denotation = 6; }
message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; optional string doc_string = 3; }
message StringStringEntryProto { optional string key = 1; optional string value = 2; }
message TensorProto {
  repeated int64 dims = 1; optional int32 data_type = 2; optional bytes segment = 3; repeated float float_data = 4 [packed = true];
  repeated int32 int32_data = 5 [packed = true]; repeated bytes string_data = 6; repeated int64 int64_data = 7 [packed = true];
  optional string name = 8; optional string doc_string = 12; optional bytes raw_data = 9;
  repeated StringStringEntryProto external_data = 13; optional int32 data_location = 14;
  repeated double double_data = 10 [packed = true]; repeated uint64 uint64_data = 11 [packed = true];
}
message GraphProto {
  repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5; repeated bytes sparse_initializer = 15;
  optional string doc_string = 10; repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; repeated ValueInfoProto value_info = 13;
}
message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
message ModelProto {
  optional int64 ir_version = 1; repeated OperatorSetIdProto opset_import = 8; optional string producer_name = 2;
  optional string producer_version = 3; optional string domain = 4; optional int64 model_version = 5; optional string doc_string = 6;
  optional GraphProto graph = 7; repeated StringStringEntryProto metadata_props = 14; repeated bytes functions = 25;
}`;

/** https://onnx.ai/onnx/api/mapping.html: TensorProto.DataType */
export const DATA_TYPE = { float32: 1, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 } as const;

export interface OnnxTensor {
  name: string;
  dims: (number | Long)[];
  dataType: number;
  rawData?: Uint8Array;
  externalData?: { key: string; value: string }[];
  dataLocation?: number;
}

export interface OnnxAttribute {
  name: string;
  type?: number;
  i?: number | Long;
  f?: number;
  ints?: (number | Long)[];
  t?: OnnxTensor;
  g?: OnnxGraphProto;
}

export interface OnnxNode {
  input: string[];
  output: string[];
  name?: string;
  opType: string;
  domain?: string;
  attribute: OnnxAttribute[];
}

export interface OnnxValue {
  name: string;
  type?: {
    tensorType?: { elemType?: number; shape?: { dim: { dimValue?: number | Long; dimParam?: string }[] } };
  };
}

export interface OnnxGraphProto {
  node: OnnxNode[];
  name?: string;
  initializer: OnnxTensor[];
  input: OnnxValue[];
  output: OnnxValue[];
  valueInfo: OnnxValue[];
}

export interface OnnxModel {
  irVersion: number | Long;
  opsetImport: { domain?: string; version: number | Long }[];
  producerName?: string;
  graph: OnnxGraphProto;
  functions?: Uint8Array[];
}

const messages = protobuf.parse(SCHEMA).root;
const ModelProto = messages.lookupType('ModelProto');

/** Protocol buffers end at 2 GiB; larger models keep their weights in files of their own. */
const MAX_GRAPH_BYTES = 2 ** 31 - 1;

/**
 * Reads a model's graph. Weights stay in their files: what a part of the graph is written to is a few kilobytes that refer to them,
 * relative to the graph's folder.
 * @throws WorkError naming the file, and the weight where one is not where it should be
 */
export async function readOnnxFile(path: string): Promise<OnnxModel> {
  try {
    const { size } = await stat(path);
    if (size > MAX_GRAPH_BYTES) throw new WorkError(`${size} bytes, more than an ONNX graph can have`);
    const bytes = await readFile(path);
    const model = ModelProto.decode(bytes) as unknown as OnnxModel;
    if ((model.graph as OnnxGraphProto | null) === null || model.graph.node.length === 0)
      throw new WorkError('it holds no graph');
    await leaveWeightsInFiles(model.graph, path, bytes);
    return model;
  } catch (error) {
    throw new WorkError(`${path} is not a readable ONNX model: ${messageOf(error)}`, { cause: error });
  }
}

export function onnxBytes(model: OnnxModel): Uint8Array {
  return ModelProto.encode(ModelProto.fromObject(model)).finish();
}

/** A number of the file; those beyond 2^53 (INT64_MAX as "to the end") lose digits, which only comparisons see. */
export function toNumber(value: number | Long): number {
  return typeof value === 'number' ? value : value.toNumber();
}
