import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, Invalid, NotFound, requireContext, runAs, tenantRead } from '@agent-hive/kernel';
import { subtreesOf } from './merkle.js';
import { SealedEntryDto } from './proof.dto.js';
import { selectLeaves } from './proof.sql.js';
import { CheckpointDto, type ExportQuery } from './sealing.dto.js';
import { selectCheckpoints, selectHead } from './sealing.sql.js';
import { EXPORT_FORMAT, type ExportEnd, type ExportHead } from './verify-export.js';
import { SigningKeysService } from './signing-keys.service.js';
import { hashesOf } from './tree.sql.js';

const PAGE = 1_000;

/** The log as text that is verified without the hive. */
@Injectable()
export class ExportsService {
  constructor(
    private readonly em: EntityManager,
    private readonly keys: SigningKeysService,
  ) {}

  /**
   * Lines of JSON: what is exported and the tree before it, each sealed entry, and the checkpoint at its end, if there is one of that
   * size. Throws NotFound while nothing is sealed, and Invalid when `from` lies behind the end.
   */
  async lines({ from = 1, to }: ExportQuery): Promise<AsyncGenerator<string>> {
    const { principal } = requireContext();
    const head = await tenantRead(this.em, selectHead);
    if (!head) throw new NotFound('checkpoint', 'latest');
    const end = Math.min(to ?? Number(head.size), Number(head.size));
    if (from > end) throw new Invalid(`from must be at most ${end}`, [{ pointer: '/from', message: `must be at most ${end}` }]);
    const left = await tenantRead(this.em, (db) => hashesOf(db, subtreesOf({ start: 0, end: from - 1 })));
    const first: ExportHead = { format: EXPORT_FORMAT, tenant: currentTenantId(), from, to: end, left: left.map((hash) => hash.toString('hex')) };
    const { em, keys } = this;
    // Each page is a transaction of its own: a slow reader holds no connection.
    const read = <T>(work: () => Promise<T>): Promise<T> => runAs(em, principal, work);
    return (async function* lines() {
      yield line(first);
      for (let at = from; at <= end; at += PAGE) {
        const rows = await read(() => tenantRead(em, (db) => selectLeaves(db, { from: at, to: Math.min(at + PAGE - 1, end) })));
        for (const row of rows) yield line(SealedEntryDto.of(row));
      }
      const [last] = await read(() => tenantRead(em, (db) => selectCheckpoints(db, { after: end - 1, to: end, limit: 1 })));
      const checkpoint: ExportEnd = { checkpoint: last ? CheckpointDto.of(first.tenant, last, await keys.publicKeys()) : null };
      yield line(checkpoint);
    })();
  }
}

const line = (value: object): string => `${JSON.stringify(value)}\n`;
