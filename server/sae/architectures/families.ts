import type { Architecture, ArchitectureKind } from '../../protocol/architectures.ts';
import { batchtopk } from './batchtopk.ts';
import type { ArchitectureFamily } from './family.ts';
import { gated } from './gated.ts';
import { jumprelu } from './jumprelu.ts';
import { matryoshka } from './matryoshka.ts';
import { relu } from './relu.ts';
import { topk } from './topk.ts';
import { transcoder } from './transcoder.ts';

const FAMILIES: { readonly [K in ArchitectureKind]: ArchitectureFamily<Extract<Architecture, { kind: K }>> } = {
  ...{ topk, batchtopk, matryoshka, relu, jumprelu, gated, transcoder },
};

export function familyOf({ kind }: Architecture): ArchitectureFamily<Architecture> {
  return FAMILIES[kind] as ArchitectureFamily<Architecture>;
}
