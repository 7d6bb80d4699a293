import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261123061656_identity_tables } from './Migration20261123061656_identity_tables.js';
import { Migration20261123070000_identity_functions } from './Migration20261123070000_identity_functions.js';
import { Migration20261124121500_roles_of_users } from './Migration20261124121500_roles_of_users.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261123061656_identity_tables', class: Migration20261123061656_identity_tables },
  { name: 'Migration20261123070000_identity_functions', class: Migration20261123070000_identity_functions },
  { name: 'Migration20261124121500_roles_of_users', class: Migration20261124121500_roles_of_users },
];
