import type { Database } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';

/** Connections of this process to the primary: in use, idle, and callers that wait for one. */
export interface PoolStatus {
  used: number;
  idle: number;
  waiting: number;
  max: number;
}

/** What pg's Pool tells of itself. */
interface PgPool {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
}

/** The state of the application's pool; null on the embedded engine, which has one connection and no pool. */
export async function poolStatus(database: Database, orm: MikroORM): Promise<PoolStatus | null> {
  const { settings } = database;
  if (settings.engine === 'embedded') return null;
  const connection = orm.em.getConnection('write') as unknown as { getNativeClient(): Promise<PgPool> };
  const pool = await connection.getNativeClient();
  return { used: pool.totalCount - pool.idleCount, idle: pool.idleCount, waiting: pool.waitingCount, max: settings.poolMax ?? 0 };
}
