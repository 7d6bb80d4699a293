import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** A person. The email is unique within the tenant whatever its case. */
export const UserSchema = defineEntity({
  name: 'User',
  schema: 'identity',
  tableName: 'user',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    email: p.text(),
    name: p.text().nullable(),
    phoneNumber: p.text().nullable(),
    role: p.text().nullable(),
    userData: p.json<Record<string, unknown>>().columnType('jsonb'), // the caller's own
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'user_email_unique', expression: 'create unique index "user_email_unique" on "identity"."user" ("tenant_id", lower("email"))' }],
  checks: [
    { name: 'user_email_check', expression: `length(email) between 3 and 320 and position('@' in email) > 1` },
    { name: 'user_name_check', expression: 'length(name) <= 200' },
    { name: 'user_phone_number_check', expression: 'length(phone_number) <= 50' },
    { name: 'user_user_data_check', expression: jsonType('user_data', 'object') },
  ],
});

export class User extends UserSchema.class {}
UserSchema.setClass(User);
