import { isIP, isIPv4 } from 'node:net';

/** One key of the configuration: what it is for, what it may be, and how its text becomes a value. */
export interface ConfigKey<T> {
  description: string;
  /** What a value must look like, as refusals and docs/configuration.md say it. */
  allowed: string;
  /** The value of a text; undefined when the text is not allowed. */
  parse(text: string): T | undefined;
  /** The value when the key is absent or empty. */
  default: T;
  /** Never printed nor logged. */
  secret?: boolean;
}

type Told<T> = { description: string; default: T; secret?: boolean };

/** A whole number within bounds. */
export const integer = ({ min, max, ...told }: Told<number> & { min: number; max: number }): ConfigKey<number> => ({
  ...told,
  allowed: `a whole number from ${min} to ${max}`,
  parse: (text) => (/^\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
});

/** `true` or `false`. */
export const flag = (told: Told<boolean>): ConfigKey<boolean> => ({
  ...told,
  allowed: '`true` or `false`',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
});

/** One of a closed list. */
export const choice = <const T extends string>({ of, ...told }: { description: string; default: NoInfer<T>; of: readonly T[] }): ConfigKey<T> => ({
  ...told,
  allowed: `one of ${of.map((v) => `\`${v}\``).join(', ')}`,
  parse: (text) => of.find((value) => value === text),
});

/** Any text that the pattern takes. */
export const text = <D extends string | null>({ pattern, allowed, ...told }: Told<D> & { pattern: RegExp; allowed: string }): ConfigKey<string | D> => ({
  ...told,
  allowed,
  parse: (value) => (pattern.test(value) ? value : undefined),
});

/** An IP address or a host name; one whose last label is a number would be neither (WHATWG URL, ends in a number). */
export const host = <D extends string | null>({ orDirectory = false, ...told }: Told<D> & { allowed: string; orDirectory?: boolean }): ConfigKey<string | D> => ({
  ...told,
  parse: (value) => (isIP(value) > 0 || isHostName(value) || (orDirectory && /^\/[^\0]+$/.test(value)) ? value : undefined),
});

const LABEL = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

function isHostName(value: string): boolean {
  const labels = value.replace(/\.$/, '').split('.');
  return value.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!);
}

/** What a URL may be: its schemes and, where not every query will do, the parameters that the query may have. */
interface UrlRules {
  schemes: readonly string[];
  parameters?: readonly string[];
}

/** A URL of one of the schemes, with a host. */
export const url = ({ schemes, parameters, ...told }: Omit<Told<null>, 'default'> & UrlRules): ConfigKey<string | null> => ({
  ...told,
  default: null,
  allowed: `a URL: ${inWords({ schemes, parameters })}`,
  parse: (value) => (isUrl(value, { schemes, parameters }) ? value : undefined),
});

/** URLs, separated by commas. */
export const urls = ({ schemes, parameters, ...told }: Omit<Told<readonly string[]>, 'default'> & UrlRules): ConfigKey<readonly string[]> => ({
  ...told,
  default: [],
  allowed: `URLs separated by commas: ${inWords({ schemes, parameters })}`,
  parse: (value) => {
    const parts = value.split(',').map((part) => part.trim());
    return parts.every((part) => isUrl(part, { schemes, parameters })) ? parts : undefined;
  },
});

const inWords = ({ schemes, parameters }: UrlRules): string => {
  const query = parameters ? `, with no parameters but ${parameters.map((p) => `\`${p}\``).join(', ')}` : '';
  return schemes.map((s) => `\`${s}://...\``).join(' or ') + query;
};

const NAMED_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];

/** Addresses, networks, and their names as proxy-addr knows them, separated by commas. */
export const networks = (told: Omit<Told<null>, 'default'>): ConfigKey<string | null> => ({
  ...told,
  default: null,
  allowed: `addresses or networks separated by commas, such as \`10.0.0.0/8\`, or ${NAMED_NETWORKS.map((n) => `\`${n}\``).join(', ')}`,
  parse: (value) => (value.split(',').every((part) => isNetwork(part.trim())) ? value : undefined),
});

function isUrl(value: string, { schemes, parameters }: UrlRules): boolean {
  const parsed = URL.parse(value);
  if (parsed === null || !schemes.includes(parsed.protocol.slice(0, -1))) return false;
  if (parameters && ![...parsed.searchParams.keys()].every((name) => parameters.includes(name))) return false;
  // The directory of a socket stands in the query, where a host cannot.
  const host = (parameters?.includes('host') && parsed.searchParams.get('host')) || parsed.hostname;
  return host !== '' && [parsed.hostname, parsed.username, parsed.password, parsed.pathname].every(isDecodable);
}

/** A `%` that begins no byte is a URL to the parser, and an error to who decodes it. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false; // the error says no more than that
  }
}

function isNetwork(part: string): boolean {
  if (NAMED_NETWORKS.includes(part)) return true;
  const [address = '', bits, ...more] = part.split('/');
  if (isIP(address) === 0 || more.length > 0) return false;
  // proxy-addr throws for /0: it would believe everybody.
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128));
}
