import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261124133132_task_tables } from './Migration20261124133132_task_tables.js';
import { Migration20261124180000_requiring } from './Migration20261124180000_requiring.js';
import { Migration20261124190500_waiting } from './Migration20261124190500_waiting.js';
import { Migration20261124225000_event_triggers } from './Migration20261124225000_event_triggers.js';
import { Migration20261125003000_interaction_plain_id } from './Migration20261125003000_interaction_plain_id.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261124133132_task_tables', class: Migration20261124133132_task_tables },
  { name: 'Migration20261124180000_requiring', class: Migration20261124180000_requiring },
  { name: 'Migration20261124190500_waiting', class: Migration20261124190500_waiting },
  { name: 'Migration20261124225000_event_triggers', class: Migration20261124225000_event_triggers },
  { name: 'Migration20261125003000_interaction_plain_id', class: Migration20261125003000_interaction_plain_id },
];
