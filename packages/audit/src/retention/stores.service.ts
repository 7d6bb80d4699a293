import { Injectable } from '@nestjs/common';
import { AuditHooks } from '../audit.hooks.js';
import { isRetained, type RetainedStore, type Store } from './store.js';

/** The record itself. What an erasure does to it is done by ErasuresService, since the application cannot change it. */
const RECORD: Store = {
  table: 'audit.entry',
  retention: 'audit',
  isPartitioned: true,
  subjects: {
    agent: { columns: ['agent_id', 'actor_id', 'subject_id'] },
    user: { columns: ['actor_id', 'subject_id'] },
    session: { columns: ['session_id', 'subject_id'] },
  },
};

/** Who placed and released holds, and who asked for erasures. */
const NAMES: readonly Store[] = ([['audit.legal_hold', ['placed_by_name', 'released_by_name']], ['audit.erasure', ['requested_by_name']]] as const).map(([table, named]) => ({
  table,
  subjects: { user: { named }, agent: { named } },
  erasure: { user: { how: 'unname' }, agent: { how: 'unname' } },
}));

/** The stores that the domains have registered. */
@Injectable()
export class StoresService {
  constructor(private readonly hooks: AuditHooks) {}

  /** Every store, the record last. */
  async all(): Promise<Store[]> {
    return [...(await this.hooks.stores.run()).flat(), ...NAMES, RECORD];
  }

  /** Those that retention goes through. */
  async retained(): Promise<RetainedStore[]> {
    return (await this.all()).filter(isRetained);
  }
}
