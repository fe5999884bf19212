/** Model, platform and architecture, for people. */
export function processorName(): string;
/** The same and all instruction sets, for comparison. */
export function processorIdentity(): string;
