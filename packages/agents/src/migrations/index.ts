import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261123062731_agent_tables } from './Migration20261123062731_agent_tables.js';
import { Migration20261123070000_capable } from './Migration20261123070000_capable.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261123062731_agent_tables', class: Migration20261123062731_agent_tables },
  { name: 'Migration20261123070000_capable', class: Migration20261123070000_capable },
];
