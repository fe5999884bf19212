import { describe, expect, it } from 'vitest';
import { node, OnnxGraph, value } from '../onnx-graph.ts';
import { DATA_TYPE, type OnnxNode } from '../onnx-file.ts';
import { tailOf } from './tail.ts';

function graphOf(...nodes: OnnxNode[]): OnnxGraph {
  return new OnnxGraph({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      node: nodes,
      initializer: [],
      input: [value('input_ids', DATA_TYPE.int64), value('stream', DATA_TYPE.float32)],
      output: [value('logits', DATA_TYPE.float32)],
      valueInfo: [],
    },
  });
}

const fused = (opType: string, domain: string, input: string[], output: string[]): OnnxNode => ({
  ...node(opType, input, output),
  name: 'layer.3/attention',
  domain,
});

describe('the tail behind a hook point', () => {
  it('is what follows from the stream, steps without a slope', () => {
    const graph = graphOf(
      node('Tanh', ['stream'], ['bent']),
      node('IsNaN', ['bent'], ['broken']),
      node('Where', ['broken', 'bent', 'bent'], ['logits']),
      node('Neg', ['input_ids'], ['elsewhere']),
    );
    const tail = tailOf(graph, 'stream', 'logits');
    expect(tail.nodes.map(({ opType }) => opType).sort()).toEqual(['IsNaN', 'Tanh', 'Where']);
    expect([...tail.sloped].sort()).toEqual(['bent', 'logits', 'stream']);
  });

  it('is refused for an operator without a rule, by its name and its node’s', () => {
    const graph = graphOf(fused('GroupQueryAttention', 'com.microsoft', ['stream'], ['logits']));
    expect(() => tailOf(graph, 'stream', 'logits')).toThrow(
      /com\.microsoft\.GroupQueryAttention \(node "layer\.3\/attention"\) is not known/,
    );
  });

  it('is refused where it reads the tokens beside the stream, though not where it reads how many there are', () => {
    const reads = graphOf(
      node('Cast', ['input_ids'], ['ids'], [{ name: 'to', type: 2, i: 1 }]),
      node('Add', ['stream', 'ids'], ['logits']),
    );
    expect(() => tailOf(reads, 'stream', 'logits')).toThrow(/reads the tokens beside the residual stream/);
    const counts = graphOf(node('Shape', ['input_ids'], ['sizes']), node('Reshape', ['stream', 'sizes'], ['logits']));
    expect(tailOf(counts, 'stream', 'logits').nodes).toHaveLength(1);
  });
});
