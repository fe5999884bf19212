import { WorkError } from '../foundation/errors.ts';

/** The GPU went away: driver reset, unplugged, out of its time. What it held is gone; a run goes on from its last checkpoint on another engine. */
export class DeviceLostError extends WorkError {
  /** In the driver's words. */
  readonly reason: string;

  constructor(reason: string) {
    super(`the GPU was lost (${reason}); go on from the last checkpoint with --resume, which takes another engine`);
    this.reason = reason;
  }
}
