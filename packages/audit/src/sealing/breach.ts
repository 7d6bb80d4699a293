/** What a verification can find wrong. */
export const BREACH_KINDS = [
  'entry-edited', 'entry-missing', 'entry-unsealed',
  'leaf-edited', 'leaf-missing', 'leaf-unexpected', 'node-edited',
  'root-mismatch', 'chain-broken', 'bad-signature', 'unknown-key', 'truncated',
] as const;
export type BreachKind = (typeof BREACH_KINDS)[number];

/** One thing that is wrong, and where. */
export interface Breach {
  kind: BreachKind;
  /** Of the entry, or the size of the checkpoint; null for an entry that has none. */
  sequence: number | null;
  entryId: string | null;
  message: string;
}
