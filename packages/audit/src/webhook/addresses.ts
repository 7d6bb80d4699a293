/*
 * Which addresses a webhook may lead to
 *
 * The public ones: of IPv4 all that the IANA special-purpose registry (RFC 6890) does not keep for something else, of IPv6 the
 * global unicast 2000::/3 without its parts that are kept, or that hold an IPv4 address. So loopback, private, link-local (where clouds
 * keep their metadata), shared (RFC 6598) and multicast addresses are out, in IPv4-mapped, NAT64, Teredo and 6to4 form too.
 */
import { BlockList, isIP } from 'node:net';

const NOT_PUBLIC_V4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24',
  '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3',
];
const NOT_PUBLIC_V6 = ['::/3', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '4000::/2', '8000::/1'];

/** Networks by the names that the configuration takes. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

// One list for each family: to a BlockList an IPv4 address is also its IPv4-mapped form, and all of those are out.
const notPublic = { ipv4: listOf(NOT_PUBLIC_V4), ipv6: listOf(NOT_PUBLIC_V6) };

/** Addresses that are allowed beside the public ones. */
export type Allowed = BlockList;

/** Reads networks separated by commas: addresses, `10.0.0.0/8`, or `loopback`, `linklocal`, `uniquelocal`. */
export const allowedOf = (networks: string | null | undefined): Allowed => listOf((networks ?? '').split(',').map((part) => part.trim()).filter((part) => part !== '').flatMap((part) => NAMED[part] ?? [part]));

/** What an address is to webhooks: one that anybody may reach, one that the configuration allows, or one that they must not reach. */
export function kindOf(address: string, allowed: Allowed): 'public' | 'allowed' | 'refused' {
  const family = familyOf(address);
  if (family === null) return 'refused';
  if (allowed.check(address, family)) return 'allowed';
  return notPublic[family].check(address, family) ? 'refused' : 'public';
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const family = isIP(address);
  return family === 0 ? null : family === 4 ? 'ipv4' : 'ipv6';
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = familyOf(address);
    if (family === null) throw new Error(`${network} is no network`);
    list.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family);
  }
  return list;
}
