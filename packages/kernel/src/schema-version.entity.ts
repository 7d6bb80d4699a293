import { defineEntity, p } from '@mikro-orm/postgresql';
import { oneOf } from './columns.js';

/** One step of a domain's schema, up or down: what ran, who ran it, how long it took. Rows are only ever added. */
export const SchemaVersionSchema = defineEntity({
  name: 'SchemaVersion',
  schema: 'kernel',
  tableName: 'schema_version',
  properties: {
    id: p.uuid().primary(),
    domain: p.text(),
    migration: p.text(),
    direction: p.text().$type<'up' | 'down'>(),
    checksum: p.text(),
    appliedBy: p.text(),
    durationMs: p.integer(),
    appliedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
  checks: [{ name: 'schema_version_direction_check', expression: oneOf('direction', ['up', 'down']) }],
});

export class SchemaVersion extends SchemaVersionSchema.class {}
SchemaVersionSchema.setClass(SchemaVersion);
