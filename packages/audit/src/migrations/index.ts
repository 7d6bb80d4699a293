import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261123060932_entries } from './Migration20261123060932_entries.js';
import { Migration20261124222000_metrics } from './Migration20261124222000_metrics.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261123060932_entries', class: Migration20261123060932_entries },
  { name: 'Migration20261124222000_metrics', class: Migration20261124222000_metrics },
];
