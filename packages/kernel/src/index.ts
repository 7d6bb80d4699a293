export { bootstrap } from './bootstrap.js';
export { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity, updatedAt, version } from './columns.js';
export { Coalescer } from './coalescer.js';
export { afterCommit } from './commit.js';
export {
  APP_ROLE, createContext, currentContext, currentTenantId, requireContext, runAs, runInContext, servicePrincipal, type Actor, type HiveContext, type Principal, type RequestFacts,
} from './context.js';
export { constraintName, isConnectionLoss, isDeadlock, isForeignKeyViolation, isLockTimeout, isPoolExhausted, isRefusedValue, isUniqueViolation, sqlState } from './database-error.js';
export { domainOrm, entitiesOf, withUpstream, type Domain, type DomainMigration } from './domain.js';
export { Database, DatabaseUnfit, type DatabaseSettings, type EmbeddedSettings, type ServerSettings } from './engine/database.js';
export { DirectoryInUse, DirectoryUnusable, type LockHolder } from './engine/directory-lock.js';
export { embeddedExists } from './engine/embedded.engine.js';
export { SERVER_URL_PARAMETERS, UnreadableFile } from './engine/server-url.js';
export { Forbidden, HiveError, Invalid, NotFound, PreconditionRequired, Refused, Stale, Unauthenticated, Unavailable, type FieldError } from './errors.js';
export { Hook } from './hook.js';
export { forgetAnswersWith, forgetExpiredAnswers, idempotently, InFlight, type Answer, type IdempotentRequest } from './idempotency.js';
export { KernelModule } from './kernel.module.js';
export { keepLease, releaseLease, takeLease, type HeldLease } from './lease.js';
export { migrate, MigrationFailed, migrationStatus, pendingMigrations, type DomainStatus, type MigrateOptions, type MigrationStep } from './migrator.js';
export { kernelDomain } from './orm.js';
export { decodeCursor, decodeIdCursor, encodeCursor, foreignCursor, pageOf, type Page, type PageRequest } from './page.js';
export { iso } from './moment.js';
export { ownedBySearch } from './search-function.js';
export { inTenant } from './tenant-switch.js';
export { requireStorable } from './http/storable-check.js';
export { atMost, isAmong } from './size-class.js';
export { oneTransaction, runningTransaction, tenantRead, tenantSql, tenantStatement, transactional, type Sql } from './transaction.js';
export { idFloor, idTime, isUuid, newId, requireUuid } from './uuid.js';
export { Wakeups } from './wakeups.js';
