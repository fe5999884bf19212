import { constants } from 'node:os';
import { messageOf, UsageError, WorkError } from '../../foundation/errors.ts';
import { DeviceLostError } from '../device-lost.ts';
import { mebibytes } from './predicted-memory.ts';

/** Storage buffers that the kernels bind at once. */
const NEEDED_BUFFERS = 8;
const NEEDED_THREADS = 256;
const NEEDED_WORKGROUP_BYTES = 16384;

export interface Gpu {
  readonly device: GPUDevice;
  /** In words: "NVIDIA H100". */
  readonly name: string;
  /** Whether it computes on the CPU: correct, but no faster than that. */
  readonly isSoftware: boolean;
  /** Bytes that one kernel can see of one buffer. */
  readonly maxBytes: number;
  /** @throws DeviceLostError or WorkError for what went wrong on the device since */
  check(): void;
}

export type GpuSearch =
  { readonly kind: 'found'; readonly gpu: Gpu } | { readonly kind: 'absent'; readonly reason: string };

/** The loader of Vulkan drivers on Linux. */
const VULKAN = 'libvulkan.so.1';

interface WebGpuPackage {
  readonly create: (options: string[]) => GPU;
  readonly globals: Record<string, unknown>;
}

/** Dawn's instance must outlive its adapters and devices. */
let instance: Promise<GPU> | null = null;

/**
 * Dawn writes to stderr by itself, without a switch against it, where this library is missing: so it is not asked then. A library that is
 * there loads, and is refused for being no Node addon.
 */
function lacksVulkan(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    process.dlopen({ exports: {} }, VULKAN, constants.dlopen.RTLD_LAZY);
  } catch (error) {
    return new RegExp(`${VULKAN}.*(cannot open|No such file)`).test(messageOf(error));
  }
  return false;
}

async function startDawn(): Promise<GPU> {
  // A name that bundlers leave alone: the package is optional and holds its own binaries.
  const specifier = 'webgpu';
  const { create, globals } = (await import(specifier)) as WebGpuPackage;
  for (const [name, value] of Object.entries(globals)) (globalThis as Record<string, unknown>)[name] ??= value;
  return create([]);
}

function nameOf({ vendor, device, description }: GPUAdapterInfo): string {
  return description || [vendor, device].filter((word) => word !== '').join(' ') || 'an unnamed GPU';
}

/** Of what `isFallbackAdapter` says and of software drivers that do not say so. */
function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter ||
    /swiftshader|llvmpipe|lavapipe|basic render|warp/i.test(`${info.architecture} ${nameOf(info)}`)
  );
}

const NEEDED = {
  maxStorageBuffersPerShaderStage: NEEDED_BUFFERS,
  maxComputeInvocationsPerWorkgroup: NEEDED_THREADS,
  maxComputeWorkgroupStorageSize: NEEDED_WORKGROUP_BYTES,
};
export type NeededLimits = typeof NEEDED;

/** Which limit is too small for the kernels, in words; null when none is. */
export function shortfallOf(limits: NeededLimits): string | null {
  for (const [limit, least] of Object.entries(NEEDED)) {
    const offered = limits[limit as keyof NeededLimits];
    if (offered < least) return `its ${limit} is ${offered}, and the kernels need ${least}`;
  }
  return null;
}

function watch(device: GPUDevice): () => void {
  let lost: string | null = null;
  let failure: string | null = null;
  void device.lost.then(({ reason, message }) => {
    lost = message || reason;
  });
  device.onuncapturederror = ({ error }) => {
    failure ??= error.message;
  };
  return () => {
    if (lost !== null) throw new DeviceLostError(lost);
    if (failure === null) return;
    const message = failure;
    failure = null;
    throw new WorkError(`the GPU refused a call: ${message}. Take a smaller batch or dictionary, or --engine cpu`);
  };
}

/** Looks for an adapter that can run the kernels; `absent` says in words why there is none. */
export async function findGpu(): Promise<GpuSearch> {
  if (lacksVulkan()) return { kind: 'absent', reason: `there is no Vulkan driver: ${VULKAN} is not installed` };
  try {
    instance ??= startDawn();
    const adapter = await (await instance).requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null)
      return { kind: 'absent', reason: 'there is no GPU with a Vulkan, Metal or Direct3D 12 driver' };
    const name = nameOf(adapter.info);
    const shortfall = shortfallOf(adapter.limits);
    if (shortfall !== null) return { kind: 'absent', reason: `${name} is too small: ${shortfall}` };
    const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
    const device = await adapter.requestDevice({
      requiredLimits: { ...NEEDED, maxStorageBufferBindingSize, maxBufferSize },
    });
    const maxBytes = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
    return {
      kind: 'found',
      gpu: { device, name, isSoftware: isSoftwareAdapter(adapter.info), maxBytes, check: watch(device) },
    };
  } catch (error) {
    instance = null;
    return { kind: 'absent', reason: absenceOf(error) };
  }
}

function absenceOf(error: unknown): string {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  return isMissing
    ? 'the optional package "webgpu" is not installed'
    : `the package "webgpu" did not start: ${messageOf(error)}`;
}

/** @throws UsageError when no single array of this size fits a kernel's view */
export function requireBytes(gpu: Gpu, what: string, bytes: number): void {
  if (bytes <= gpu.maxBytes) return;
  throw new UsageError(
    `${what} take ${mebibytes(bytes)}, and ${gpu.name} binds at most ${mebibytes(gpu.maxBytes)} at once; ` +
      'take a smaller batch, or --engine cpu',
  );
}
