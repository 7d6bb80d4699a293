import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261124190000_interactions } from './Migration20261124190000_interactions.js';
import { Migration20261124224000_decisions } from './Migration20261124224000_decisions.js';
import { Migration20261125004000_erasable_names } from './Migration20261125004000_erasable_names.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261124190000_interactions', class: Migration20261124190000_interactions },
  { name: 'Migration20261124224000_decisions', class: Migration20261124224000_decisions },
  { name: 'Migration20261125004000_erasable_names', class: Migration20261125004000_erasable_names },
];
