import { sql, type RawBuilder } from 'kysely';

/**
 * A UUIDv7 for each row of a statement whose number of rows the service cannot know: of the millisecond of the one that it
 * minted, the rest random.
 */
export const idLike = (minted: string): RawBuilder<unknown> =>
  sql`overlay(overlay(gen_random_uuid()::text placing left(${minted}::text, 13) from 1 for 13) placing '7' from 15 for 1)::uuid`;
