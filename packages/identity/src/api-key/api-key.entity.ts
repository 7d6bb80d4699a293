import { defineEntity, p } from '@mikro-orm/postgresql';
import { SENSITIVE } from '@agent-hive/audit';
import { createdAt, id, jsonType, moment, Refused, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** A secret that proves who calls. Only its sha256 is stored; a revoked or expired key is refused at once. */
export const ApiKeySchema = defineEntity({
  name: 'ApiKey',
  schema: 'identity',
  tableName: 'api_key',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    secretHash: p.text().comment(SENSITIVE),
    scopes: p.json<string[]>().columnType('jsonb'), // such as `agents:read`, none twice
    role: p.text().nullable(),
    /** Plain ids: agents are downstream, and a key outlives the deletion of the user it was made for. */
    agentId: p.uuid().nullable(),
    userId: p.uuid().nullable(),
    expiresAt: moment().nullable(),
    revokedAt: moment().nullable(),
    lastUsedAt: moment().nullable(),
    rotatedFromId: p.uuid().nullable(),
    createdAt: createdAt(),
  },
  indexes: [{ name: 'api_key_agent_index', properties: ['tenantId', 'agentId'], where: 'agent_id is not null' }],
  checks: [
    { name: 'api_key_name_check', expression: 'length(name) between 1 and 100' },
    { name: 'api_key_secret_hash_check', expression: `secret_hash ~ '^[0-9a-f]{64}$'` },
    { name: 'api_key_scopes_check', expression: jsonType('scopes', 'array') },
    { name: 'api_key_subject_check', expression: 'agent_id is null or user_id is null' },
  ],
});

export class ApiKey extends ApiKeySchema.class {
  revoke(at: Date): void {
    if (this.revokedAt) throw new Refused(`API key ${this.id} was revoked at ${this.revokedAt.toISOString()}`, 'already-revoked');
    this.revokedAt = at;
  }

  /** Whether the key opens anything at this moment. */
  isUsable(at: Date): boolean {
    return !this.revokedAt && (!this.expiresAt || this.expiresAt > at);
  }
}
ApiKeySchema.setClass(ApiKey);
