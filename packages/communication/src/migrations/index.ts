import type { DomainMigration } from '@agent-hive/kernel';

export const migrations: DomainMigration[] = [];
