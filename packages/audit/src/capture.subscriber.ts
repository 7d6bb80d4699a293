import { createHash } from 'node:crypto';
import { ChangeSetType, type ChangeSet, type EntityProperty, type EventSubscriber, type FlushEventArgs } from '@mikro-orm/postgresql';
import { currentContext, newId } from '@agent-hive/kernel';
import { Entry } from './entry.entity.js';

const VERB: Partial<Record<ChangeSetType, string>> = {
  [ChangeSetType.CREATE]: 'created',
  [ChangeSetType.UPDATE]: 'updated',
  [ChangeSetType.UPDATE_EARLY]: 'updated',
  [ChangeSetType.DELETE]: 'deleted',
  [ChangeSetType.DELETE_EARLY]: 'deleted',
};

/** What the unit of work does to a row, as the record says it. */
export const CAPTURED_VERBS: readonly string[] = [...new Set(Object.values(VERB))];

/** Comment that a column carries when its value must not be in the record in clear. */
export const SENSITIVE = 'sensitive: the record keeps a digest only';

type Values = Record<string, unknown>;

/**
 * Records every change of the unit of work. The entries join the flush that makes the changes, so they commit or roll
 * back with them. An update keeps the changed columns, before and after; a create and a delete keep the whole row.
 */
export class CaptureSubscriber implements EventSubscriber {
  onFlush({ em, uow }: FlushEventArgs): void {
    for (const changeSet of [...uow.getChangeSets()]) {
      const verb = VERB[changeSet.type];
      if (!verb || changeSet.meta.class === Entry || changeSet.meta.schema === 'kernel') continue;
      const entry = em.create(Entry, entryOf(changeSet as ChangeSet<Values>, verb), { persist: false });
      uow.computeChangeSet(entry, ChangeSetType.CREATE);
    }
  }
}

function entryOf(changeSet: ChangeSet<Values>, verb: string) {
  const context = currentContext();
  if (!context) throw new Error(`A change of ${changeSet.meta.tableName} outside a context cannot be recorded`);
  const { principal, requestId, ip, userAgent } = context;
  const subjectType = changeSet.meta.tableName;
  const entity = changeSet.entity;
  const changed = verb === 'updated' ? Object.keys(changeSet.payload) : undefined;
  return {
    tenantId: principal.tenantId,
    id: newId(),
    occurredAt: new Date(),
    actorType: principal.actor.type,
    actorId: principal.actor.id,
    actorName: principal.actor.name,
    action: `${subjectType}.${verb}`,
    subjectType,
    subjectId: subjectIdOf(changeSet),
    agentId: subjectType === 'agent' ? (entity.id as string) : agentOf(changeSet),
    sessionId: subjectType === 'session' ? (entity.id as string) : idOf(entity.session ?? entity.sessionId),
    risk: null,
    previousState: verb === 'created' ? null : state(changeSet, changeSet.originalEntity ?? entity, changed, changeSet.originalEntity !== undefined),
    newState: verb === 'deleted' ? null : state(changeSet, entity, changed, false),
    details: null,
    requestId,
    ip,
    userAgent,
  };
}

/** The agent that the entity refers to, itself or through what it is a part of. */
function agentOf({ entity, meta }: ChangeSet<Values>): string | null {
  const own = idOf(entity.agent ?? entity.agentId);
  if (own !== null) return own;
  for (const { name } of meta.relations) {
    const owner = entity[name] as { unwrap?: () => Values } | null | undefined;
    const through = idOf(owner?.unwrap?.().agent);
    if (through !== null) return through;
  }
  return null;
}

/** The primary key without the tenant, parts joined by `/`. */
const subjectIdOf = ({ meta, entity }: ChangeSet<Values>): string =>
  meta.primaryKeys.filter((key) => key !== 'tenantId').map((key) => idOf(entity[key]) ?? String(entity[key])).join('/');

/** The unit of work keeps the JSON columns of its snapshot as text; in the entity itself, a text is a text. */
function state({ meta }: ChangeSet<Values>, from: Values, only: string[] | undefined, isSnapshot: boolean): Values {
  const values: Values = {};
  for (const property of meta.props) {
    if (property.persist === false || property.name === 'tenantId' || (only && !only.includes(property.name))) continue;
    if (!(property.name in from)) continue;
    const value = property.targetMeta ? idOf(from[property.name]) : isSnapshot ? parsed(property, from[property.name]) : from[property.name];
    values[property.name] = property.comment === SENSITIVE && value != null ? digest(value) : (value ?? null);
  }
  return values;
}

const parsed = (property: EntityProperty<Values>, value: unknown): unknown =>
  property.columnTypes?.[0] === 'jsonb' && typeof value === 'string' ? (JSON.parse(value) as unknown) : value;

const digest = (value: unknown): string => `sha256:${createHash('sha256').update(JSON.stringify(value)).digest('hex')}`;

/** Id of a reference, whether it is loaded, a bare key, or a composite key whose last part is the id. */
function idOf(value: unknown): string | null {
  if (value == null) return null;
  if (Array.isArray(value)) return idOf(value.at(-1));
  if (typeof value === 'object') return idOf((value as { id?: unknown }).id);
  return typeof value === 'string' ? value : null;
}
