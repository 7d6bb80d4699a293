import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261124190000_interactions } from './Migration20261124190000_interactions.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261124190000_interactions', class: Migration20261124190000_interactions },
];
