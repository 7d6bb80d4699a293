import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261124210000_mail } from './Migration20261124210000_mail.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261124210000_mail', class: Migration20261124210000_mail },
];
