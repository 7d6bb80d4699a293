import { join } from 'node:path';
import type { ArchiveSettings, AuditSettings, KeyEncryptionSource } from '@agent-hive/audit';
import type { Config } from './config.js';
import { serverUrl } from './database-settings.js';

/** What the record needs from its surroundings. */
export const auditSettings = (config: Config): AuditSettings => ({ encryptionKeys: encryptionKeys(config), archive: archive(config) });

/** The key-encryption key: as stated, or a file of this machine, made at the first start. A hive in memory forgets it as it forgets its data. */
function encryptionKeys(config: Config): KeyEncryptionSource {
  if (config.HIVE_ENCRYPTION_KEY) return { kind: 'keys', text: config.HIVE_ENCRYPTION_KEY };
  if (config.HIVE_ENCRYPTION_KEY_FILE) return { kind: 'file', path: config.HIVE_ENCRYPTION_KEY_FILE, create: false };
  if (serverUrl(config) !== null) return { kind: 'file', path: join(config.HIVE_KEYS_DIR, KEY_FILE), create: true };
  if (config.HIVE_DATA_DIR.startsWith('memory:')) return { kind: 'memory' };
  return { kind: 'file', path: join(config.HIVE_DATA_DIR, KEY_FILE), create: true };
}

const KEY_FILE = 'hive-encryption.key';

function archive(config: Config): ArchiveSettings {
  const { HIVE_ARCHIVE_S3_BUCKET: bucket, HIVE_ARCHIVE_S3_ENDPOINT: endpoint, HIVE_ARCHIVE_S3_ACCESS_KEY_ID: accessKeyId, HIVE_ARCHIVE_S3_SECRET_ACCESS_KEY: secretAccessKey } = config;
  if (!bucket) return { kind: 'directory', path: config.HIVE_ARCHIVE_DIR };
  return {
    kind: 's3',
    bucket,
    region: config.HIVE_ARCHIVE_S3_REGION,
    prefix: config.HIVE_ARCHIVE_S3_PREFIX ?? '',
    ...(endpoint && { endpoint }),
    ...(accessKeyId && secretAccessKey && { accessKeyId, secretAccessKey }),
  };
}
