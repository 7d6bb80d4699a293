export { AuditHooks } from './audit.hooks.js';
export { AuditModule } from './audit.module.js';
export { CaptureSubscriber, SENSITIVE } from './capture.subscriber.js';
export { EntriesService } from './entries.service.js';
export { Entry, RISKS, type Risk } from './entry.entity.js';
export { insertEntries, insertEntry, type ComputedStates, type EntryInput } from './entry.sql.js';
export { auditDomain } from './orm.js';
