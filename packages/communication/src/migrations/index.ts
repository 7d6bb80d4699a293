import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261124191000_message_tables } from './Migration20261124191000_message_tables.js';
import { Migration20261124191100_find_messages } from './Migration20261124191100_find_messages.js';
import { Migration20261124210000_mail } from './Migration20261124210000_mail.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261124191000_message_tables', class: Migration20261124191000_message_tables },
  { name: 'Migration20261124191100_find_messages', class: Migration20261124191100_find_messages },
  { name: 'Migration20261124210000_mail', class: Migration20261124210000_mail },
];
