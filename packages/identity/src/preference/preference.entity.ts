import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, jsonType, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { User } from '../user/user.entity.js';

/** What a user prefers, one document a category. */
export const PreferenceSchema = defineEntity({
  name: 'Preference',
  schema: 'identity',
  tableName: 'preference',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    user: () => p.manyToOne(User).primary().joinColumns('tenant_id', 'user_id').ownColumns('user_id').deleteRule('cascade').updateRule('no action').ref(),
    category: p.text().primary(),
    preferences: p.json<Record<string, unknown>>().columnType('jsonb'), // of the category, in shapes of its own
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  indexes: [{ name: 'preference_preferences_index', expression: 'create index "preference_preferences_index" on "identity"."preference" using gin ("tenant_id", "preferences" jsonb_path_ops)' }],
  checks: [
    { name: 'preference_category_check', expression: 'length(category) between 1 and 100' },
    { name: 'preference_preferences_check', expression: jsonType('preferences', 'object') },
  ],
});

export class Preference extends PreferenceSchema.class {}
PreferenceSchema.setClass(Preference);
