import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { EntriesService, LegalHoldsService } from '@agent-hive/audit';
import { inTenant, newId, NotFound, Refused, requireContext, runAs, servicePrincipal, Stale, tenantSql, tenantStatement, transactional, withUpstream, type Principal } from '@agent-hive/kernel';
import { ApiKeysService } from '../api-key/api-keys.service.js';
import { IdentityHooks } from '../identity.hooks.js';
import { countRows, deleteRows, nextRows, type TenantStore } from './tenant-store.sql.js';
import { TenantDto, type CreatedTenantDto, type CreateTenantDto, type ShownKeyDto, type StoreReceiptDto, type TenantReceiptDto } from './tenant.dto.js';
import { Tenant } from './tenant.entity.js';
import { activeTenants, deleteTenant, insertTenant, tenantBySlug, tenantState } from './tenant.sql.js';

const DEFAULT_SLUG = 'default';

/** The customers of the hive. What the platform does to one runs in that tenant, and its record names the platform. */
@Injectable()
export class TenantsService {
  constructor(
    private readonly em: EntityManager,
    private readonly keys: ApiKeysService,
    private readonly entries: EntriesService,
    private readonly hooks: IdentityHooks,
    private readonly holds: LegalHoldsService,
  ) {}

  /** The tenant, if it is the caller's own or the caller is the platform. Throws NotFound. */
  async get(id: string): Promise<TenantDto> {
    return this.within(id, async () => TenantDto.of(await this.own(id)));
  }

  /** A new tenant with its first key, whose secret is in this answer only. Throws Refused when the slug is taken. */
  async create(input: CreateTenantDto): Promise<CreatedTenantDto> {
    const id = newId();
    const made = await inTenant(this.em, this.platformIn(id), () => this.make({ id, ...input }));
    if (!made) throw new Refused(`A tenant with slug ${input.slug} exists`, 'conflict');
    return made;
  }

  /** Closes a tenant: its keys open nothing until it is resumed. A version that is given must be the present one. Throws NotFound, Stale, or Refused when it is suspended already. */
  async suspend(id: string, reason: string, version: number | null | undefined): Promise<TenantDto> {
    return this.change(id, version, (tenant) => tenant.suspend(reason));
  }

  /** Opens a suspended tenant again. Throws NotFound, Stale or Refused. */
  async resume(id: string, version: number | null | undefined): Promise<TenantDto> {
    return this.change(id, version, (tenant) => tenant.resume());
  }

  /** Every row of the tenant, one JSON text a line, a page of 500 at a time; secrets are left out. Throws NotFound before the first line. */
  async export(id: string): Promise<AsyncGenerator<string>> {
    await this.get(id);
    const stores = await this.stores();
    const { em } = this;
    const principal = this.principalIn(id);
    return (async function* lines() {
      for (const store of stores) {
        for (let after: unknown[] | null = null; ; ) {
          // Each page is a transaction of its own: a slow reader holds no connection.
          const rows: Awaited<ReturnType<typeof nextRows>> = await runAs(em, principal, () => tenantStatement(em, (db) => nextRows(db, store, after)));
          for (const { row } of rows) yield `${JSON.stringify({ table: store.table, row })}\n`;
          const last = rows.at(-1);
          if (!last) break;
          after = last.key;
        }
      }
    })();
  }

  /**
   * Deletes a suspended tenant's rows and says what became of each table. Throws NotFound, Stale, or Refused while it is active or has a legal hold,
   * and for the tenant `default`, which is where the platform's own key works.
   */
  async delete(id: string, version: number | null | undefined): Promise<TenantReceiptDto> {
    return this.within(id, () =>
      transactional(this.em, async (em) => {
        const tenant = await this.lock(em, id, version);
        if (tenant.slug === DEFAULT_SLUG) throw new Refused(`tenant ${id} is the default one, which the platform's key works in: it cannot be deleted`, 'default-tenant');
        if (tenant.state !== 'suspended') throw new Refused(`tenant ${id} is active: suspend it first`, 'not-suspended');
        await this.requireFree(id);
        const stores: StoreReceiptDto[] = [];
        for (const store of (await this.stores()).reverse()) {
          const rows = await tenantSql(this.em, (db) => (store.kept === undefined ? deleteRows(db, store) : countRows(db, store)));
          stores.push({ table: store.table, rows, kept: store.kept ?? null });
        }
        const receipt = { tenantId: id, deletedAt: new Date().toISOString(), stores };
        await this.entries.record({ action: 'tenant.deleted', subjectType: 'tenant', subjectId: id, risk: 'high', details: { ...receipt } });
        await tenantSql(this.em, (db) => deleteTenant(db, id));
        return receipt;
      }),
    );
  }

  private async requireFree(id: string): Promise<void> {
    await this.holds.lock();
    if (await this.holds.any()) throw new Refused(`tenant ${id} has a legal hold in force: release it before the tenant is deleted`, 'legal-hold');
  }

  /** The tenant `default`, made with one admin key when it is not there. Safe when several processes start at once. */
  async ensureDefault(): Promise<{ tenantId: string; created: boolean; adminKey: { id: string; key: string } | null }> {
    const id = newId();
    const found = await tenantBySlug(this.em, DEFAULT_SLUG);
    const made = found ? undefined : await runAs(this.em, servicePrincipal(id, 'platform'), () => transactional(this.em, () => this.make({ id, slug: DEFAULT_SLUG, name: 'Default' })));
    if (made) return { tenantId: id, created: true, adminKey: made.adminKey as ShownKeyDto & { key: string } };
    const existing = found ?? (await tenantBySlug(this.em, DEFAULT_SLUG));
    return { tenantId: existing!.id, created: false, adminKey: null };
  }

  /** Ids of all tenants that are not suspended. */
  async listActive(): Promise<string[]> {
    return activeTenants(this.em);
  }

  private async make(tenant: { id: string; slug: string; name: string }): Promise<CreatedTenantDto | undefined> {
    return transactional(this.em, async () => {
      if (!(await tenantSql(this.em, (db) => insertTenant(db, tenant, new Date())))) return undefined;
      await this.entries.record({ action: 'tenant.created', subjectType: 'tenant', subjectId: tenant.id, newState: { slug: tenant.slug, name: tenant.name } });
      const { id, key } = await this.keys.create({ name: 'admin', scopes: ['*'], role: 'admin' });
      return { ...TenantDto.of(await this.own(tenant.id)), adminKey: { id, key } };
    });
  }

  private async change(id: string, version: number | null | undefined, apply: (tenant: Tenant) => void): Promise<TenantDto> {
    return this.within(id, () =>
      transactional(this.em, async (em) => {
        const tenant = await this.lock(em, id, version);
        apply(tenant);
        await em.flush();
        return TenantDto.of(tenant);
      }),
    );
  }

  /** Runs in the tenant when the caller may: its own, or any when the caller is the platform. */
  private async within<T>(id: string, work: () => Promise<T>): Promise<T> {
    const { principal } = requireContext();
    if (principal.tenantId === id) return work();
    if (!principal.scopes.includes('tenants:write') || (await tenantState(this.em, id)) === null) throw new NotFound('tenant', id);
    return inTenant(this.em, this.platformIn(id), work);
  }

  private async own(id: string): Promise<Tenant> {
    const tenant = await this.em.findOne(Tenant, { id });
    if (!tenant) throw new NotFound('tenant', id);
    return tenant;
  }

  /** Locked until the transaction ends: who comes second finds what the first left. */
  private async lock(em: EntityManager, id: string, version: number | null | undefined): Promise<Tenant> {
    const tenant = await em.findOne(Tenant, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!tenant) throw new NotFound('tenant', id);
    if (typeof version === 'number' && tenant.version !== version) throw new Stale('tenant', id);
    return tenant;
  }

  /** Every store, whatever it refers to before it. */
  private async stores(): Promise<TenantStore[]> {
    const registered = await this.hooks.stores.run();
    const inOrder = withUpstream(...registered.map((r) => r.domain));
    return inOrder.flatMap((domain) => registered.find((r) => r.domain === domain)?.stores ?? []);
  }

  private principalIn = (id: string): Principal => ({ ...requireContext().principal, tenantId: id });
  private platformIn = (id: string): Principal => ({ ...requireContext().principal, tenantId: id, scopes: ['*'] });
}
