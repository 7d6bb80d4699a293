import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261123060932_entries } from './Migration20261123060932_entries.js';
import { Migration20261124220000_sealing } from './Migration20261124220000_sealing.js';
import { Migration20261124221000_webhooks } from './Migration20261124221000_webhooks.js';
import { Migration20261124222000_metrics } from './Migration20261124222000_metrics.js';
import { Migration20261124222900_data_keys } from './Migration20261124222900_data_keys.js';
import { Migration20261124223000_retention } from './Migration20261124223000_retention.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261123060932_entries', class: Migration20261123060932_entries },
  { name: 'Migration20261124220000_sealing', class: Migration20261124220000_sealing },
  { name: 'Migration20261124221000_webhooks', class: Migration20261124221000_webhooks },
  { name: 'Migration20261124222000_metrics', class: Migration20261124222000_metrics },
  { name: 'Migration20261124222900_data_keys', class: Migration20261124222900_data_keys },
  { name: 'Migration20261124223000_retention', class: Migration20261124223000_retention },
];
