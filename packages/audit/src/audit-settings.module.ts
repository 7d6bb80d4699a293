import { Module, type DynamicModule } from '@nestjs/common';
import type { ArchiveSettings } from './archive/archive-store.js';
import type { KeyEncryptionSource } from './encryption/key-encryption-key.js';

/** Names the settings for injection. */
export const AUDIT_SETTINGS = Symbol('audit settings');

/** What the record needs from its surroundings. */
export interface AuditSettings {
  /** Keys that wrap the data keys of tenants; without it one that lives as long as the process. */
  encryptionKeys?: KeyEncryptionSource;
  /** Where rows go that leave the database; without it, none that are to be archived leave. */
  archive?: ArchiveSettings;
}

/** Gives the settings to AuditModule, which every domain imports as it is. */
@Module({})
export class AuditSettingsModule {
  static of(settings: AuditSettings): DynamicModule {
    return { module: AuditSettingsModule, global: true, providers: [{ provide: AUDIT_SETTINGS, useValue: settings }], exports: [AUDIT_SETTINGS] };
  }
}
