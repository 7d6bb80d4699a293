import { readFileSync } from 'node:fs';
import { KEYS } from '../src/config/keys.js';
import type { ConfigKey } from '../src/config/key.js';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const rows = new Map([...page.matchAll(/^\| `([A-Z0-9_]+)` \| (.*) \| (.*) \| (.*) \|$/gm)].map(([, key, stated, allowed, what]) => [key!, { stated, allowed, what }]));

describe('docs/configuration.md', () => {
  it('has a row for each declared key, and for no other', () => {
    expect([...rows.keys()].sort()).toEqual(Object.keys(KEYS).sort());
  });

  it.each(Object.entries(KEYS) as [string, ConfigKey<unknown>][])('says of %s what the declaration says', (key, { default: value, allowed, description, secret }) => {
    const stated = value === null || (Array.isArray(value) && value.length === 0) ? '' : `\`${JSON.stringify(value).replaceAll('"', '')}\``;
    const what = secret ? `${description} Secret: never printed nor logged.` : description;
    expect(rows.get(key)).toEqual({ stated, allowed, what });
  });
});
