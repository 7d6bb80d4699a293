import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** The highest version of each name, by prompt_template_version_unique. Only under the instruction's lock is the next one free. */
export async function selectLatestVersions(db: Sql, instructionId: string, names: readonly string[]): Promise<Map<string, number>> {
  const found = await sql<{ template_name: string; latest: number }>`
    select template_name, max(template_version) as latest from agents.prompt_template
     where tenant_id = ${currentTenantId()} and instruction_id = ${instructionId} and template_name = any (${[...names]}::text[])
     group by template_name`.execute(db);
  return new Map(found.rows.map((row) => [row.template_name, row.latest]));
}
