export { AuditHooks } from './audit.hooks.js';
export { AuditModule } from './audit.module.js';
export { CaptureSubscriber, SENSITIVE } from './capture.subscriber.js';
export { EntriesService } from './entries.service.js';
export { Entry, RISKS, type Risk } from './entry.entity.js';
export { entryFacts, FACTS_RECORD, insertEntries, insertEntry, insertEntryPerRow, type ComputedStates, type EntryFacts, type EntryInput, type EntryPerRow } from './entry.sql.js';
export { Checkpoint } from './sealing/checkpoint.entity.js';
export { Leaf } from './sealing/leaf.entity.js';
export { auditDomain } from './orm.js';
