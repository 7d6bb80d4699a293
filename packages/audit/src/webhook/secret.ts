import { createHmac, randomBytes } from 'node:crypto';

/*
 * Secrets and signatures of Standard Webhooks (https://www.standardwebhooks.com, "Signature scheme"): a secret is `whsec_` and 24 to
 * 64 bytes in base64; what is signed is `<id>.<timestamp>.<body>`, by HMAC-SHA256 with those bytes.
 */
const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** What a secret looks like. */
export const SECRET_PATTERN = /^whsec_(?:(?:[A-Za-z0-9+/]{4}){8,20}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?|(?:[A-Za-z0-9+/]{4}){21}(?:[A-Za-z0-9+/]{2}==)?)$/;

/** A secret that nobody had before. */
export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

/** What one attempt is signed by: a receiver takes any of the signatures, so a secret can be replaced without a gap. */
export interface Signed {
  id: string;
  /** Seconds since 1970. */
  timestamp: number;
  body: string;
}

/** The value of the header `webhook-signature`. */
export const signatureOf = ({ id, timestamp, body }: Signed, secrets: readonly string[]): string =>
  secrets.map((secret) => `v1,${createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64')).update(`${id}.${timestamp}.${body}`).digest('base64')}`).join(' ');
