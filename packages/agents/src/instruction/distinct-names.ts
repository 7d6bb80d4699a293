import { Invalid, type FieldError } from '@agent-hive/kernel';

/** Refuses a list in which a name stands twice, pointing to every repetition. */
export function requireDistinct<Field extends string>(items: readonly Record<Field, string>[], field: Field): void {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, item] of items.entries()) {
    const name = item[field];
    if (seen.has(name)) errors.push({ pointer: `/items/${i}/${field}`, message: `${field} ${name} is there twice; each may stand once` });
    seen.add(name);
  }
  if (errors.length > 0) throw new Invalid(errors.map((error) => error.message).join('; '), errors);
}
