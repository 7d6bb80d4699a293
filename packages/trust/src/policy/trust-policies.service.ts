import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { decodeCursor, foreignCursor, Invalid, pageOf, Refused, tenantRead, tenantStatement, type Page } from '@agent-hive/kernel';
import type { PageQuery } from '@agent-hive/kernel/http';
import { requirePeople } from '../measure/people.js';
import { crossings, thresholdsOf, type Thresholds } from './thresholds.js';
import { TrustPolicyDto, type PutTrustPolicyDto } from './trust-policy.dto.js';
import { countTrustPolicies, insertTrustPolicy, selectTrustPolicies } from './trust-policy.sql.js';

/** By what a tenant gives and takes levels: versions, of which the greatest is in force. */
@Injectable()
export class TrustPoliciesService {
  constructor(private readonly em: EntityManager) {}

  /** A page of versions, the one in force first; the default preset, as version 0, ends the list. */
  async list(query: PageQuery): Promise<Page<TrustPolicyDto>> {
    const [noun, below] = decodeCursor(query.cursor, 2) ?? [];
    if (below !== undefined && !(noun === 'version' && Number.isInteger(below) && Number(below) >= 0 && Number(below) < 2 ** 31)) throw foreignCursor();
    return tenantRead(this.em, async (db) => {
      const rows = [...(await selectTrustPolicies(db, below === undefined ? undefined : Number(below), query.limit))];
      const dtos = rows.map((row) => TrustPolicyDto.of(row));
      if (rows.length <= query.limit && below !== 0) dtos.push(TrustPolicyDto.of({ version: 0, name: 'default', thresholds: thresholdsOf('default') }));
      const page: Page<TrustPolicyDto> = pageOf(dtos, query.limit, (dto) => ['version', dto.version], (dto) => dto);
      if (query.total) page.total = (await countTrustPolicies(db)) + 1;
      return page;
    });
  }

  /** Puts a new version in force. Throws Invalid on thresholds that cross (`crossing-thresholds`), Forbidden for an agent, Refused when two are written at once. */
  async upsert({ preset, name, thresholds }: PutTrustPolicyDto): Promise<TrustPolicyDto> {
    requirePeople('sets the policy by which it is trusted');
    if ((preset === undefined) === (thresholds === undefined)) throw new Invalid('Name a preset, or give thresholds, and not both', [{ pointer: '/preset', message: 'must be given, unless thresholds are' }]);
    const wanted: Thresholds = preset === undefined ? thresholds! : thresholdsOf(preset);
    const crossed = crossings(wanted);
    if (crossed.length > 0) throw new Invalid('Thresholds of the policy cross', crossed.map(({ pointer, message }) => ({ pointer: `/thresholds${pointer}`, message })), 'crossing-thresholds');
    const row = await tenantStatement(this.em, (db) => insertTrustPolicy(db, name ?? preset ?? 'custom', wanted, new Date()));
    if (!row) throw new Refused('Another version of the policy was written at this moment: read it, and repeat the request if yours still holds', 'conflict');
    return TrustPolicyDto.of(row);
  }
}
