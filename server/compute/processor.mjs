/**
 * Which processor this is. The addon is built for the processor at hand and loaded only where this text is the same.
 * Plain JavaScript because `scripts/build-addon.mjs` runs before anything is bundled.
 */
import { readFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';

/** The instruction sets that the kernel reports; a virtual machine may hide some that the model has. */
function instructionSets() {
  try {
    return /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

export function processorName() {
  return `${cpus()[0]?.model.trim() ?? 'unknown'} (${platform()}-${arch()})`;
}

export function processorIdentity() {
  return `${processorName()} ${instructionSets()}`;
}
