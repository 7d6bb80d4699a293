import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { allowedOf, kindOf, type Allowed } from './addresses.js';
import { WEBHOOK_OPTIONS, type WebhookOptions } from './webhook-options.js';

/** Where an attempt connects to: an address that was looked at, so that the name cannot mean another one a moment later. */
export interface Destination {
  url: URL;
  address: string;
  family: 4 | 6;
}

/** A URL that webhooks must not lead to; the message says why, without telling what the name resolves to. */
export class NotAllowed extends Error {
  override readonly name = 'NotAllowed';
}

const LOOKUP_MS = 3_000;

/** Decides where webhooks lead to: when they are made, and again when each attempt connects. */
@Injectable()
export class Destinations {
  private readonly allowed: Allowed;
  private readonly resolve: (host: string) => Promise<readonly string[]>;

  constructor(@Inject(WEBHOOK_OPTIONS) { allowedNetworks, resolve = addressesOf }: WebhookOptions) {
    this.allowed = allowedOf(allowedNetworks);
    this.resolve = resolve;
  }

  /**
   * The address to connect to. A name all of whose addresses are allowed is one that may be reached: one bad address among them is enough
   * to refuse it. Throws NotAllowed.
   */
  async of(text: string): Promise<Destination> {
    const url = URL.parse(text);
    if (!url || !['https:', 'http:'].includes(url.protocol)) throw new NotAllowed('must be an https URL');
    if (url.username !== '' || url.password !== '') throw new NotAllowed('must be a URL without a user and a password');
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const addresses = isIP(host) > 0 ? [host] : await this.named(host);
    const kinds = addresses.map((address) => kindOf(address, this.allowed));
    if (kinds.includes('refused')) throw new NotAllowed('must not lead to a loopback, private, link-local or otherwise reserved address, which this server allows by HIVE_WEBHOOK_ALLOWED_NETWORKS only');
    if (url.protocol === 'http:' && kinds.includes('public')) throw new NotAllowed('must be an https URL: http is for networks that HIVE_WEBHOOK_ALLOWED_NETWORKS names');
    const address = addresses[0]!;
    return { url, address, family: isIP(address) as 4 | 6 };
  }

  private async named(host: string): Promise<readonly string[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new NotAllowed(`${host} cannot be resolved: no answer in ${LOOKUP_MS} ms`)), LOOKUP_MS)));
    try {
      const addresses = await Promise.race([this.resolve(host), late]);
      if (addresses.length === 0) throw new NotAllowed(`${host} has no address`);
      return addresses;
    } catch (error) {
      if (error instanceof NotAllowed) throw error;
      throw new NotAllowed(`${host} cannot be resolved: ${(error as { code?: string }).code ?? String(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

const addressesOf = async (host: string): Promise<readonly string[]> => (await lookup(host, { all: true })).map(({ address }) => address);
