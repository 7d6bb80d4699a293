import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** A kind of work that is done again and again. What it consists of is said by its versions; the latest one runs unless another is asked for. */
export const ProcessSchema = defineEntity({
  name: 'Process',
  schema: 'tasks',
  tableName: 'process',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    description: p.text().nullable(),
    latestVersion: p.integer(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    revision: version(),
  },
  uniques: [{ name: 'process_name_unique', properties: ['tenantId', 'name'] }],
  checks: [
    { name: 'process_name_check', expression: 'length(name) between 1 and 200' },
    { name: 'process_latest_version_check', expression: 'latest_version >= 1' },
  ],
});

export class Process extends ProcessSchema.class {}
ProcessSchema.setClass(Process);
