export interface ChromiumOptions {
  readonly executablePath: string;
  readonly args: string[];
  readonly env?: Record<string, string>;
}

export function chromiumOptions(): Promise<ChromiumOptions>;
