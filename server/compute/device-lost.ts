import { WorkError } from '../foundation/errors.ts';

/** The GPU went away: driver reset, unplugged, out of its time. What it held is gone; a run goes on from its last checkpoint on another engine. */
export class DeviceLostError extends WorkError {
  /** In the driver's words. */
  readonly reason: string;
  /** The training step that was under way, counted from 1; null where there was none. */
  readonly step: number | null;

  constructor(reason: string, step: number | null = null) {
    const where = step === null ? '' : ` at step ${step}`;
    super(
      `the GPU was lost${where} (${reason}); go on from the last checkpoint with --resume, if need be with --engine cpu`,
    );
    this.reason = reason;
    this.step = step;
  }
}
