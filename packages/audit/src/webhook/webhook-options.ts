/** How webhooks are set up. */
export interface WebhookOptions {
  /** Networks beside the public ones that webhooks may lead to, separated by commas: `10.0.0.0/8`, or `loopback`, `linklocal`, `uniquelocal`. None by default. */
  allowedNetworks?: string | null;
  /** For how long one attempt may take, in milliseconds; 10,000 by default. */
  timeoutMs?: number;
  /** Attempts after which a delivery is dead; 12 by default, which takes about a day. */
  maxAttempts?: number;
  /** Pause after the first attempt, in milliseconds, which triples with each; 5,000 by default. */
  backoffMs?: number;
  /** What a name resolves to; the system's resolver by default. */
  resolve?: (host: string) => Promise<readonly string[]>;
}

/** Token of WebhookOptions. */
export const WEBHOOK_OPTIONS = Symbol('WEBHOOK_OPTIONS');
