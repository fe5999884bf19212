import { freemem, totalmem } from 'node:os';

/** Bytes that a run may take, and who says so. */
export interface MemoryOffer {
  readonly bytes: number;
  readonly by: 'machine' | 'cgroup' | 'given';
}

/** What the machine has left, or the control group's limit where that is lower. On Linux memory that caches files counts as free. */
export function offeredMemory(): MemoryOffer {
  // 0, or more than there is, where nothing limits the process.
  const limit = process.constrainedMemory();
  const free = freemem();
  return limit > 0 && limit < totalmem() && limit < free
    ? { bytes: limit, by: 'cgroup' }
    : { bytes: free, by: 'machine' };
}
