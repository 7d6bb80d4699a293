import type { DomainMigration } from '../domain.js';
import { Migration20261123060059_kernel_tables } from './Migration20261123060059_kernel_tables.js';
import { Migration20261123061500_month_partitions } from './Migration20261123061500_month_partitions.js';
import { Migration20261123165202_answers_are_written_once } from './Migration20261123165202_answers_are_written_once.js';
import { Migration20261124223100_drop_months } from './Migration20261124223100_drop_months.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261123060059_kernel_tables', class: Migration20261123060059_kernel_tables },
  { name: 'Migration20261123061500_month_partitions', class: Migration20261123061500_month_partitions },
  { name: 'Migration20261123165202_answers_are_written_once', class: Migration20261123165202_answers_are_written_once },
  { name: 'Migration20261124223100_drop_months', class: Migration20261124223100_drop_months },
];
