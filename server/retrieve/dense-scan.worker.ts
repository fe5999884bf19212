import { parentPort, workerData } from 'node:worker_threads';
import { scanRows, type DenseSlice } from './dense-scan.ts';

/** Scans its slice for each query it is sent, and answers when the scores are written. */
const slice = workerData as DenseSlice;
parentPort!.on('message', (query: Float32Array) => {
  scanRows(slice, query);
  parentPort!.postMessage(null);
});
