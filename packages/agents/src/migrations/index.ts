import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261123062731_agent_tables } from './Migration20261123062731_agent_tables.js';
import { Migration20261123070000_capable } from './Migration20261123070000_capable.js';
import { Migration20261124190000_session_tables } from './Migration20261124190000_session_tables.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261123062731_agent_tables', class: Migration20261123062731_agent_tables },
  { name: 'Migration20261123070000_capable', class: Migration20261123070000_capable },
  { name: 'Migration20261124190000_session_tables', class: Migration20261124190000_session_tables },
];
