import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261123060932_entries } from './Migration20261123060932_entries.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261123060932_entries', class: Migration20261123060932_entries },
];
