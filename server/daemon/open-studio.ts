import type { Home } from '../foundation/home.ts';
import type { Services } from '../services/services.ts';

/** The product's services, loaded when first needed: the daemon answers hello long before onnxruntime and LanceDB are in memory. */
export async function openStudio(home: Home): Promise<Services> {
  const { openServices } = await import('../services/studio.ts');
  return openServices(home);
}
