import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, foreignCursor, Invalid, NotFound, pageOf, tenantRead, type Page } from '@agent-hive/kernel';
import { consistencyRanges, inclusionRanges } from './merkle.js';
import { InclusionDto, SealedEntryDto } from './proof.dto.js';
import { selectLeafOf } from './proof.sql.js';
import { CheckpointDto, type CheckpointQuery, type ConsistencyDto, type ConsistencyQuery } from './sealing.dto.js';
import { countCheckpoints, selectCheckpointPage, selectHead } from './sealing.sql.js';
import { SigningKeysService } from './signing-keys.service.js';
import { hashesOfRanges } from './tree.sql.js';

/** Shows what the log contains, and that it only grew. */
@Injectable()
export class ProofsService {
  constructor(
    private readonly em: EntityManager,
    private readonly keys: SigningKeysService,
  ) {}

  /** A page of checkpoints, the latest first. Throws Invalid on a foreign cursor. */
  async list({ cursor, limit, total }: CheckpointQuery): Promise<Page<CheckpointDto>> {
    const before = decodeCursor(cursor, 1)?.[0] ?? null;
    if (before !== null && !Number.isSafeInteger(before)) throw foreignCursor();
    const keys = await this.keys.publicKeys();
    const rows = await tenantRead(this.em, (db) => selectCheckpointPage(db, before as number | null, limit + 1));
    const tenant = currentTenantId();
    const page: Page<CheckpointDto> = pageOf(rows, limit, (row) => [Number(row.size)], (row) => CheckpointDto.of(tenant, row, keys));
    if (total) page.total = await tenantRead(this.em, countCheckpoints);
    return page;
  }

  /** The latest checkpoint. Throws NotFound before anything is sealed. */
  async latest(): Promise<CheckpointDto> {
    const head = await tenantRead(this.em, selectHead);
    if (!head) throw new NotFound('checkpoint', 'latest');
    return CheckpointDto.of(currentTenantId(), head, await this.keys.publicKeys());
  }

  /** The proof of an entry against the latest checkpoint; null while it is not sealed. */
  async inclusion(entryId: string): Promise<InclusionDto | null> {
    const keys = await this.keys.publicKeys();
    return tenantRead(this.em, async (db) => {
      const leaf = await selectLeafOf(db, entryId);
      const head = leaf && (await selectHead(db));
      if (!head) return null;
      const path = await hashesOfRanges(db, inclusionRanges(Number(leaf.sequence) - 1, Number(head.size)));
      return { leaf: SealedEntryDto.of(leaf), path: path.map((hash) => hash.toString('hex')), checkpoint: CheckpointDto.of(currentTenantId(), head, keys) };
    });
  }

  /** The proof that the log of `to` entries begins with the one of `from`. Throws Invalid for sizes that the log does not have. */
  async consistency({ from, to }: ConsistencyQuery): Promise<ConsistencyDto> {
    if (from > to) throw Invalid.at('/from', `must be at most \`to\`, which is ${to}`);
    return tenantRead(this.em, async (db) => {
      const size = Number((await selectHead(db))?.size ?? 0);
      if (to > size) throw Invalid.at('/to', `must be at most ${size}, the size of the log`);
      const ranges = consistencyRanges(from, to);
      const hashes = await hashesOfRanges(db, [{ start: 0, end: from }, { start: 0, end: to }, ...ranges]);
      const [fromRoot, toRoot, ...path] = hashes.map((hash) => hash.toString('hex'));
      return { from, to, fromRoot: fromRoot!, toRoot: toRoot!, path };
    });
  }
}
