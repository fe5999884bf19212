import { setTimeout as sleep } from 'node:timers/promises';
import type { Gpu } from './device.ts';
import { gridOf, wgslOf, type Kernel } from './kernel.ts';

/** Bytes between the settings of two dispatches: the largest alignment that devices ask for. */
const SETTINGS_STRIDE = 256;
const LOST_MILLISECONDS = 200;

interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

interface Dispatch {
  readonly kind: 'dispatch';
  readonly kernel: Kernel;
  readonly buffers: readonly GPUBuffer[];
  readonly grid: [x: number, y: number];
}

type Command =
  | Dispatch
  | { readonly kind: 'clear'; readonly buffer: GPUBuffer }
  | {
      readonly kind: 'copy';
      readonly from: GPUBuffer;
      readonly to: GPUBuffer;
      readonly start: number;
      readonly at: number;
      readonly bytes: number;
    };

/** Records commands for the GPU and submits them together, in order. */
export class Recorder {
  readonly gpu: Gpu;
  readonly #pipelines = new Map<string, Pipeline>();
  #commands: Command[] = [];
  #settings: ArrayBuffer[] = [];
  #uniforms: GPUBuffer | null = null;
  /** What recorded commands may still use. */
  #discarded: GPUBuffer[] = [];

  constructor(gpu: Gpu) {
    this.gpu = gpu;
  }

  /** @param groups workgroups at least; [x, y] where the kernel reads both */
  dispatch<B extends string, S extends string>(
    kernel: Kernel<B, S>,
    buffers: Readonly<Record<B, GPUBuffer>>,
    settings: Readonly<Record<S, number>>,
    groups: number | [x: number, y: number],
  ): void {
    const bound = (Object.keys(kernel.bindings) as B[]).map((name) => buffers[name]);
    const grid = typeof groups === 'number' ? gridOf(groups) : groups;
    if (grid[0] === 0 || grid[1] === 0) return;
    const words = new DataView(new ArrayBuffer(SETTINGS_STRIDE));
    for (const [index, [name, type]] of Object.entries<'u32' | 'f32'>(kernel.settings).entries()) {
      const value = settings[name as S];
      if (type === 'u32') words.setUint32(index * 4, value, true);
      else words.setFloat32(index * 4, value, true);
    }
    this.#settings.push(words.buffer);
    this.#commands.push({ kind: 'dispatch', kernel: kernel as unknown as Kernel, buffers: bound, grid });
  }

  clear(buffer: GPUBuffer): void {
    this.#commands.push({ kind: 'clear', buffer });
  }

  /** @param start byte of `from` @param at byte of `to` */
  copy(from: GPUBuffer, to: GPUBuffer, bytes: number, start = 0, at = 0): void {
    this.#commands.push({ kind: 'copy', from, to, start, at, bytes });
  }

  write(buffer: GPUBuffer, data: ArrayBufferView, offset = 0): void {
    this.gpu.device.queue.writeBuffer(buffer, offset, data.buffer, data.byteOffset, data.byteLength);
  }

  /** Destroys a buffer as soon as what was recorded so far is submitted, or dropped. */
  discard(buffer: GPUBuffer): void {
    this.#discarded.push(buffer);
  }

  /** Drops what was recorded and not submitted, as a call that failed leaves it. */
  forget(): void {
    this.#commands = [];
    this.#settings = [];
    for (const buffer of this.#discarded) buffer.destroy();
    this.#discarded = [];
  }

  submit(): void {
    const { device } = this.gpu;
    this.gpu.check();
    const encoder = device.createCommandEncoder();
    const uniforms = this.#writeSettings();
    let slot = 0;
    for (const command of this.#commands) {
      if (command.kind === 'clear') encoder.clearBuffer(command.buffer);
      else if (command.kind === 'copy')
        encoder.copyBufferToBuffer(command.from, command.start, command.to, command.at, command.bytes);
      else this.#encode(encoder, command, uniforms, slot++);
    }
    device.queue.submit([encoder.finish()]);
    this.forget();
  }

  #encode(encoder: GPUCommandEncoder, { kernel, buffers, grid }: Dispatch, uniforms: GPUBuffer, slot: number): void {
    const { pipeline, layout } = this.#pipelineOf(kernel);
    const settings = { buffer: uniforms, offset: slot * SETTINGS_STRIDE, size: SETTINGS_STRIDE };
    const entries = [settings, ...buffers.map((buffer) => ({ buffer }))];
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      this.gpu.device.createBindGroup({
        layout,
        entries: entries.map((resource, binding) => ({ binding, resource })),
      }),
    );
    pass.dispatchWorkgroups(...grid);
    pass.end();
  }

  #writeSettings(): GPUBuffer {
    const bytes = Math.max(1, this.#settings.length) * SETTINGS_STRIDE;
    if (this.#uniforms === null || this.#uniforms.size < bytes) {
      this.#uniforms?.destroy();
      this.#uniforms = this.gpu.device.createBuffer({
        size: 2 * bytes,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
    }
    const all = new Uint8Array(bytes);
    for (const [index, settings] of this.#settings.entries())
      all.set(new Uint8Array(settings), index * SETTINGS_STRIDE);
    this.write(this.#uniforms, all);
    return this.#uniforms;
  }

  #pipelineOf(kernel: Kernel): Pipeline {
    const known = this.#pipelines.get(kernel.name);
    if (known !== undefined) return known;
    const { device } = this.gpu;
    const layout = device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } },
        ...Object.values(kernel.bindings).map(({ access }, index): GPUBindGroupLayoutEntry => {
          const type = access === 'read' ? 'read-only-storage' : 'storage';
          return { binding: index + 1, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
        }),
      ],
    });
    const module = device.createShaderModule({ label: kernel.name, code: wgslOf(kernel) });
    const pipeline = device.createComputePipeline({
      label: kernel.name,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    const made = { pipeline, layout };
    this.#pipelines.set(kernel.name, made);
    return made;
  }

  /** Submits what was recorded and waits for it. @returns `bytes` of each buffer, from byte `start` on */
  async read(...wanted: readonly [buffer: GPUBuffer, bytes: number, start?: number][]): Promise<ArrayBuffer[]> {
    const { device } = this.gpu;
    const total = wanted.reduce((sum, [, bytes]) => sum + bytes, 0);
    const staging = device.createBuffer({
      size: Math.max(4, total),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    let offset = 0;
    for (const [buffer, bytes, start = 0] of wanted) {
      if (bytes > 0) this.copy(buffer, staging, bytes, start, offset);
      offset += bytes;
    }
    this.submit();
    try {
      await staging.mapAsync(GPUMapMode.READ);
    } catch (error) {
      await device.queue.onSubmittedWorkDone().catch(() => undefined);
      // Whether the device was lost is told a moment later than what that did to the call.
      await Promise.race([device.lost, sleep(LOST_MILLISECONDS)]);
      this.gpu.check();
      throw error;
    }
    this.gpu.check();
    const all = staging.getMappedRange();
    offset = 0;
    const results = wanted.map(([, bytes]) => all.slice(offset, (offset += bytes)));
    staging.destroy();
    return results;
  }
}
