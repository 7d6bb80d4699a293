import { Injectable } from '@nestjs/common';
import { EncryptionService } from '../encryption/encryption.service.js';
import type { EncryptedColumn } from '../encryption/encrypted-column.js';

const SECRET: EncryptedColumn = { table: 'audit.webhook', column: 'secret' };
const PREVIOUS: EncryptedColumn = { table: 'audit.webhook', column: 'previous_secret' };

/** The columns that hold secrets. */
export const SECRET_COLUMNS: readonly EncryptedColumn[] = [SECRET, PREVIOUS];

/** The secrets of a webhook as they are stored: encrypted. */
export interface StoredSecrets {
  id: string;
  secret: string;
  previousSecret?: string | null;
  previousSecretUntil?: Date | string | null;
}

/** Stores secrets encrypted, each for its own cell, and opens them for signing. Throws UnknownKey or Undecipherable where they cannot be opened. */
@Injectable()
export class WebhookSecretsService {
  constructor(private readonly encryption: EncryptionService) {}

  /** The secret of a webhook as it is stored. */
  async stored(id: string, secret: string): Promise<string> {
    return this.encryption.encrypt({ ...SECRET, row: id }, secret);
  }

  /** The secret that a webhook has had as it is stored when another one takes its place. */
  async storedPrevious({ id, secret }: StoredSecrets): Promise<string> {
    return this.encryption.encrypt({ ...PREVIOUS, row: id }, await this.encryption.decrypt({ ...SECRET, row: id }, secret));
  }

  /** What attempts are signed with: the secret, and the one before for as long as both are good. */
  async signing({ id, secret, previousSecret, previousSecretUntil }: StoredSecrets, now: Date): Promise<string[]> {
    const secrets = [await this.encryption.decrypt({ ...SECRET, row: id }, secret)];
    const overlaps = previousSecret != null && previousSecretUntil != null && new Date(previousSecretUntil) > now;
    if (overlaps) secrets.push(await this.encryption.decrypt({ ...PREVIOUS, row: id }, previousSecret));
    return secrets;
  }
}
