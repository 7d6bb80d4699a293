/**
 * Reads options of the command line against their defaults. The default says what may be given: a positive whole number, a
 * list of those, or some of a list of names. Throws with the option, what was given, and what is accepted.
 */
export function readOptions(given, defaults) {
  const unknown = Object.keys(given).find((name) => !(name in defaults));
  if (unknown) throw new Error(`--${unknown} is no option of this bench; it has ${Object.keys(defaults).map((name) => `--${name}`).join(', ')}`);
  return Object.fromEntries(Object.entries(defaults).map(([name, usual]) => [name, given[name] === undefined ? usual : read(name, given[name], usual)]));
}

function read(name, text, usual) {
  const parts = text.split(',');
  const isNames = Array.isArray(usual) && typeof usual[0] === 'string';
  const accepted = isNames ? `some of ${usual.join(',')}` : Array.isArray(usual) ? 'positive whole numbers with commas' : 'a positive whole number';
  const values = isNames ? parts : parts.map(Number);
  const fits = isNames ? values.every((value) => usual.includes(value)) : values.every((value) => Number.isInteger(value) && value > 0) && (Array.isArray(usual) || values.length === 1);
  if (!fits) throw new Error(`--${name} ${text}: it takes ${accepted}`);
  return Array.isArray(usual) ? values : values[0];
}
