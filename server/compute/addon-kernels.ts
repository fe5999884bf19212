import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  CALLS,
  kernelArguments,
  REGIONS,
  type CallName,
  type KernelArguments,
  type KernelInstance,
  type KernelLayout,
  type Kernels,
  type RegionArray,
  type RegionName,
} from './kernel-instance.ts';
import { processorIdentity } from './processor.mjs';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { shippedFile } from '../foundation/package-root.ts';

/** A dictionary in the addon's memory. */
type Handle = object;

/** What `kernels/addon.cc` exports. */
interface Addon {
  readonly instructions: string;
  create(...layout: KernelArguments): Handle | null;
  dispose(handle: Handle): void;
  copy(handle: Handle, region: number, array: RegionArray, direction: 0 | 1, first: number): boolean;
  parametersWritten(handle: Handle): void;
  run(handle: Handle, call: number, threads: number): Promise<void>;
}

/** What `scripts/build-addon.mjs` leaves beside the addon. */
interface BuildRecord {
  readonly processor: string;
  readonly builtFor: string;
  readonly file: string | null;
  readonly reason: string | null;
}

export type LoadedAddon =
  { readonly kind: 'loaded'; readonly addon: Addon } | { readonly kind: 'absent'; readonly reason: string };

/** The addon, or why there is none. */
export function loadAddon(folder = shippedFile('build', 'Release')): LoadedAddon {
  const absent = (reason: string): LoadedAddon => ({ kind: 'absent', reason });
  const path = `${folder}/ssae_engine.json`;
  if (!existsSync(path))
    return absent('it has not been built here; `npm run build` builds it where there is a compiler');
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as BuildRecord;
    if (record.file === null) return absent(record.reason ?? 'its build failed');
    if (record.processor !== processorIdentity())
      return absent(`it was built for another processor, ${record.builtFor}; \`npm run build\` builds it for this one`);
    if (!/^ssae_engine-[0-9a-f]+\.node$/.test(record.file)) return absent(`${path} is damaged`);
    return { kind: 'loaded', addon: createRequire(import.meta.url)(`${folder}/${record.file}`) as Addon };
  } catch (error) {
    return absent(`it could not be loaded: ${messageOf(error)}`);
  }
}

class AddonInstance implements KernelInstance {
  readonly #addon: Addon;
  readonly #handle: Handle;
  readonly #threads: number;

  constructor(addon: Addon, handle: Handle, threads: number) {
    this.#addon = addon;
    this.#handle = handle;
    this.#threads = threads;
  }

  write(region: RegionName, data: RegionArray, first = 0): void {
    this.#copy(region, data, 0, first);
  }

  read(region: RegionName, into: RegionArray, first = 0): void {
    this.#copy(region, into, 1, first);
  }

  #copy(region: RegionName, array: RegionArray, direction: 0 | 1, first: number): void {
    if (array.length === 0 && direction === 1) return;
    if (!this.#addon.copy(this.#handle, REGIONS.indexOf(region), array, direction, first))
      throw new WorkError(`there is no memory for ${array.byteLength} more bytes; take a smaller batch or dictionary`);
  }

  parametersWritten(): void {
    this.#addon.parametersWritten(this.#handle);
  }

  run(call: CallName): Promise<void> {
    return this.#addon.run(this.#handle, CALLS.indexOf(call), this.#threads);
  }

  dispose(): void {
    this.#addon.dispose(this.#handle);
  }
}

export class AddonKernels implements Kernels {
  readonly #addon: Addon;
  readonly #threads: number;

  constructor(addon: Addon, threads: number) {
    this.#addon = addon;
    this.#threads = threads;
  }

  open(layout: KernelLayout): Promise<KernelInstance> {
    const handle = this.#addon.create(...kernelArguments(layout));
    if (handle === null) {
      const { dSae, dIn } = layout.shape;
      return Promise.reject(
        new WorkError(`there is no memory for a dictionary of ${dSae} features of ${dIn} dimensions`),
      );
    }
    return Promise.resolve(new AddonInstance(this.#addon, handle, this.#threads));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
