/** Which TensorFlow.js computes: a package with native parts that the user installed, else the one that comes with the product. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Tfjs from './tfjs.ts';
import { messageOf, WorkError } from '../../foundation/errors.ts';
import { packageRoot, shippedFile } from '../../foundation/package-root.ts';

/** The operations of TensorFlow.js, whichever package they come from. */
export type Tf = typeof Tfjs;

/** The one on a GPU first. Neither is a dependency of the product: they fetch libtensorflow when they are installed. */
const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

export type TensorFlowSource =
  | {
      readonly kind: 'native';
      readonly name: (typeof NATIVE)[number];
      readonly version: string;
      /** The package's folder. */
      readonly folder: string;
    }
  | { readonly kind: 'own' };

export interface TensorFlow {
  readonly tf: Tf;
  /** In words: "tfjs-node 4.22.0, CPU". */
  readonly device: string;
}

function manifestOf(name: string, folder: string): string | null {
  try {
    return createRequire(join(folder, 'package.json')).resolve(`${name}/package.json`);
  } catch {
    return null;
  }
}

/**
 * Where native packages are looked for: the folder that SSAE_TENSORFLOW names, and beside the product, where a global install puts them.
 * Never where the user happens to stand: a stranger's repository would bring its own code.
 */
function trustedFolders(): readonly string[] {
  const named = process.env['SSAE_TENSORFLOW'];
  return named === undefined || named === '' ? [packageRoot] : [resolve(named), packageRoot];
}

/** Looks for the native packages as Node would from each of the folders; what is found is not loaded. */
export function findTensorFlow(folders: readonly string[] = trustedFolders()): TensorFlowSource {
  for (const name of NATIVE)
    for (const from of folders) {
      const manifest = manifestOf(name, from);
      if (manifest === null) continue;
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
      return { kind: 'native', name, version, folder: dirname(manifest) };
    }
  return { kind: 'own' };
}

/** @returns in words what would compute, for `ssae doctor`, which runs no code of a package that it only found */
export async function describeTensorFlow(source: TensorFlowSource): Promise<string> {
  if (source.kind === 'own') return (await startOwn()).device;
  return `${shortName(source)} ${source.version} in ${source.folder}, loaded when the engine is chosen`;
}

const shortName = ({ name }: { readonly name: string }): string => name.replace('@tensorflow/', '');

async function startOwn(): Promise<TensorFlow> {
  const tf = (await import(pathToFileURL(shippedFile('dist', 'server', 'tfjs.js')).href)) as Tf;
  tf.enableProdMode(); // It prints advice to install other packages otherwise.
  await tf.setBackend('cpu');
  return {
    tf,
    device: `tfjs ${tf.version_core}, its slow CPU backend (neither ${NATIVE.join(' nor ')} is installed)`,
  };
}

/** What the types of tfjs do not say of the backend of its native packages. */
interface NativePackage extends Tf {
  readonly backend: () => { readonly isUsingGpuDevice?: boolean };
}

async function startNative(source: TensorFlowSource & { readonly kind: 'native' }): Promise<TensorFlow> {
  // TF32 multiplies matrices of float32 with ten bits. CUDA reads this when it starts; threads of the daemon cannot set it, its user can.
  process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  const tf = createRequire(join(source.folder, 'package.json'))(source.folder) as NativePackage;
  tf.enableProdMode();
  await tf.ready();
  // A package that does not fit this Node or this system may say so only when it computes.
  tf.tidy(() => tf.topk(tf.matMul(tf.tensor([[1, 2]]), tf.tensor([[3], [4]]))).values.dataSync());
  const place = tf.backend().isUsingGpuDevice === true ? 'GPU' : 'CPU';
  return { tf, device: `${shortName(source)} ${source.version}, ${place}` };
}

/** @throws WorkError where the package that is installed does not start: it is not passed over in silence */
export async function startTensorFlow(source: TensorFlowSource): Promise<TensorFlow> {
  if (source.kind === 'own') return startOwn();
  try {
    return await startNative(source);
  } catch (error) {
    throw new WorkError(
      `the engine "tensorflow" is not available: ${source.name} in ${source.folder} did not start: ${messageOf(error)}. ` +
        'Repair or remove the package, or take --engine cpu or wasm',
    );
  }
}
