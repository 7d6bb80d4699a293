import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261123060932_entries } from './Migration20261123060932_entries.js';
import { Migration20261124220000_sealing } from './Migration20261124220000_sealing.js';
import { Migration20261124221000_webhooks } from './Migration20261124221000_webhooks.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261123060932_entries', class: Migration20261123060932_entries },
  { name: 'Migration20261124220000_sealing', class: Migration20261124220000_sealing },
  { name: 'Migration20261124221000_webhooks', class: Migration20261124221000_webhooks },
];
