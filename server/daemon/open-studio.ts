import type { Home } from '../foundation/home.ts';
import type { Services } from '../services/services.ts';

/** The product's services, loaded when first needed: the daemon answers hello long before onnxruntime and LanceDB are in memory. */
export async function openStudio(home: Home): Promise<Services> {
  const studio = '../services/studio.ts';
  const { openServices } = (await import(studio)) as { openServices: (home: Home) => Services };
  return openServices(home);
}
