import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, NotFound, pageOf, requireStorable, requireUuid, Stale, tenantSql, tenantStatement, transactional, type Page } from '@agent-hive/kernel';
import { User } from '../user/user.entity.js';
import { PreferenceDto, type PreferenceQuery, type PutPreferenceDto } from './preference.dto.js';
import { Preference } from './preference.entity.js';
import { countPreferring, selectPreferences, selectPreferring } from './preference.sql.js';

/** What users prefer, a document a category. */
@Injectable()
export class PreferencesService {
  constructor(private readonly em: EntityManager) {}

  /** One category of a user. Throws NotFound. */
  async get(userId: string, category: string): Promise<PreferenceDto> {
    const [row] = await tenantStatement(this.em, (db) => selectPreferences(db, userId, category));
    if (!row) throw new NotFound('preference', `${userId}/${category}`);
    return PreferenceDto.of(row);
  }

  /** All categories of a user, by name; a user has few, so there are no pages. Throws NotFound for the user. */
  async listByUser(userId: string): Promise<Page<PreferenceDto>> {
    await this.requireUser(this.em, userId);
    const rows = await tenantStatement(this.em, (db) => selectPreferences(db, userId));
    return { items: rows.map((row) => PreferenceDto.of(row)), nextCursor: null };
  }

  /** A page of preferences whose document has the value at the path. */
  async list({ category, path, equals, limit, cursor, total }: PreferenceQuery): Promise<Page<PreferenceDto>> {
    const wanted = path.split('.').reduceRight<unknown>((value, name) => ({ [name]: value }), jsonOrText(equals));
    // JSON in a text may hold what the text itself may not: an escaped NUL.
    requireStorable(wanted);
    const after = decodeCursor(cursor, 2);
    if (after) requireUuid(String(after[0]), 'cursor');
    return tenantSql(this.em, async (db) => {
      const rows = await selectPreferring(db, wanted, category, after, limit + 1);
      const page: Page<PreferenceDto> = pageOf(rows, limit, (row) => [row.user_id, row.category], (row) => PreferenceDto.of(row));
      if (total) page.total = await countPreferring(db, wanted, category);
      return page;
    });
  }

  /** Sets what a user prefers in a category; a version that is given must be the present one. Throws NotFound for the user, or Stale. */
  async upsert(userId: string, category: string, { preferences }: PutPreferenceDto, version: number | null | undefined): Promise<PreferenceDto> {
    await transactional(this.em, async (em) => {
      // Two first writers would both insert: whoever holds the user's row goes first.
      const user = await this.requireUser(em, userId, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const found = await em.findOne(Preference, { tenantId: currentTenantId(), user, category });
      requireVersion(found, `${userId}/${category}`, version);
      const preference = found ?? em.create(Preference, { user, category, preferences });
      preference.preferences = preferences;
      preference.updatedAt = new Date();
      await em.persist(preference).flush();
    });
    return this.get(userId, category);
  }

  /** Forgets a category of a user; a version that is given must be the present one. Throws NotFound, or Stale. */
  async delete(userId: string, category: string, version: number | null | undefined): Promise<void> {
    await transactional(this.em, async (em) => {
      const user = await this.requireUser(em, userId, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const preference = await em.findOne(Preference, { tenantId: currentTenantId(), user, category });
      if (!preference) throw new NotFound('preference', `${userId}/${category}`);
      requireVersion(preference, `${userId}/${category}`, version);
      await em.remove(preference).flush();
    });
  }

  private async requireUser(em: EntityManager, id: string, options: { lockMode?: LockMode.PESSIMISTIC_WRITE } = {}): Promise<User> {
    const user = await em.findOne(User, { tenantId: currentTenantId(), id }, options);
    if (!user) throw new NotFound('user', id);
    return user;
  }
}

/** Refuses a write that builds on another version than the present one, or on any when there is none. */
function requireVersion(found: Preference | null, id: string, version: number | null | undefined): void {
  if (version === undefined) return;
  if (!found || (version !== null && found.version !== version)) throw new Stale('preference', id);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // no JSON, so the text itself is meant: `dark` as well as `"dark"`
  }
}
