import type { Principal } from '@agent-hive/kernel';
import { testApp, type TestApp } from '@agent-hive/kernel/testing';
import { auditDomain, AuditModule, CaptureSubscriber } from '../src/index.js';
import type { EntryDto } from '../src/entry.dto.js';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** The domain's application over a database of its own. */
export const auditApp = (): Promise<TestApp> => testApp({ domains: [auditDomain], modules: [AuditModule], subscribers: [new CaptureSubscriber()] });

/** What the record has about subjects of a noun, newest first. */
export const entriesOf = async (hive: TestApp, subjectType: string, as: Principal): Promise<EntryDto[]> =>
  (await hive.get<{ items: EntryDto[] }>(`/v1/audit/entries?subjectType=${subjectType}&limit=100`, { as })).body.items;
