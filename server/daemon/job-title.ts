import type { JobSpec } from '../protocol/jobs.ts';

/** The last part of a path, or the name itself. */
function shortName(nameOrPath: string): string {
  return nameOrPath.split(/[\\/]/).findLast((part) => part !== '') ?? nameOrPath;
}

/** What a job is about, as a list of jobs names it. */
export function jobTitle(spec: JobSpec): string {
  switch (spec.kind) {
    case 'ingest':
      return spec.request.corpus;
    case 'retrieve':
      return `${shortName(spec.request.seeds)} in ${spec.request.corpus} by ${spec.request.arm}`;
    case 'harvest': {
      const { output, shard } = spec.request;
      return shard.count === 1 ? shortName(output) : `${shortName(output)}, shard ${shard.index} of ${shard.count}`;
    }
    case 'train':
      return shortName(spec.request.output);
    case 'finetune':
      return `${shortName(spec.request.output)} from ${shortName(spec.request.from)}`;
    case 'evaluate':
      return `${shortName(spec.request.dictionary)} on ${spec.request.corpus}`;
    case 'demo':
      return shortName(spec.request.output);
    case 'experiment':
      return shortName(spec.request.file);
  }
}
