/** What somebody with the superuser's password may do to an entry, as text: the demo runs it on a hive in memory to show that it is found. The application's role may not. */
export const tamperWith = (entryId: string): string => `update audit.entry set new_state = jsonb_set(new_state, '{name}', '"Mallory"') where id = '${entryId}'`;
