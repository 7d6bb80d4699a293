/** A text column that holds encrypted values, of a table whose key is `(tenant_id, id)`. Domains register theirs by AuditHooks.encryptedColumns. */
export interface EncryptedColumn {
  /** `schema.table`. */
  table: string;
  column: string;
}

/** One cell: the value of a column in a row. A ciphertext opens in its own cell only. */
export interface Cell extends EncryptedColumn {
  /** Id of the row. */
  row: string;
}

/** What is authenticated with a value: tenant, column and row. */
export const placeOf = (tenantId: string, { table, column, row }: Cell): string => `${tenantId}/${table}.${column}/${row}`;
