import type { Constructor, EntitySchema } from '@mikro-orm/postgresql';
import type { Migration } from '@mikro-orm/migrations';

/** One migration of a domain: its name is the file's, `MigrationYYYYMMDDHHMMSS_what_it_does`. */
export interface DomainMigration {
  name: string;
  class: Constructor<Migration>;
}

/** A domain as the database sees it: one schema, the entities it owns, and the domains its foreign keys may point to. */
export interface Domain {
  /** Name of the package and of its schema. */
  name: string;
  entities: EntitySchema[];
  upstream: readonly Domain[];
  /** In the order in which they run. */
  migrations: readonly DomainMigration[];
}

/** Declares a domain. Throws when a migration is named twice or out of order, which would change what `--to` means. */
export function domainOrm(domain: Domain): Domain {
  const names = domain.migrations.map((m) => m.name);
  const sorted = [...new Set(names)].sort();
  if (sorted.join() !== names.join()) throw new Error(`Migrations of ${domain.name} must have distinct names in ascending order: ${names.join(', ')}`);
  return domain;
}

/** The domain with everything upstream of it, upstream first, each once. */
export function withUpstream(...domains: readonly Domain[]): Domain[] {
  const found = new Set<Domain>();
  const visit = (domain: Domain) => {
    domain.upstream.forEach(visit);
    found.add(domain);
  };
  domains.forEach(visit);
  return [...found];
}

/** Every entity of the domains. */
export const entitiesOf = (domains: readonly Domain[]): EntitySchema[] => domains.flatMap((d) => d.entities);
