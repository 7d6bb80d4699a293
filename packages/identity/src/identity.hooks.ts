import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook, type Domain } from '@agent-hive/kernel';
import type { TenantStore } from './tenant/tenant-store.sql.js';

/** Where domains downstream take part in what happens to tenants, users and projects. */
@Injectable()
export class IdentityHooks {
  /** The tables of a domain, those that others of it refer to first. */
  readonly stores = new Hook<[], { domain: Domain; stores: readonly TenantStore[] }>('identity.stores');
  /** Whether an agent exists in the running tenant. */
  readonly agentExists = new Hook<[em: EntityManager, agentId: string], boolean>('identity.agentExists');
  /** Nulls what refers to a user that is about to be deleted. */
  readonly userDeleted = new Hook<[em: EntityManager, userId: string], void>('identity.userDeleted');
  /** Counts per table what refers to a project. */
  readonly projectReferences = new Hook<[em: EntityManager, projectId: string], { table: string; count: number }>('identity.projectReferences');
}
