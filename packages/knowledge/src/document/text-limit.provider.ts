import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Invalid } from '@agent-hive/kernel';
import { countTokensInSteps } from '../chunk/tokens.js';
import { inTurns } from '../chunk/turns.js';
import type { NewVersion } from './document.sql.js';

/** Largest text of a document where nothing else is configured, in bytes as UTF-8. */
export const DOCUMENT_MAX_BYTES = 10_000_000;

/** What a text must be to become a version. */
@Injectable()
export class TextLimit {
  constructor(private readonly maxBytes: number = DOCUMENT_MAX_BYTES) {}

  /** A version of the text. Throws Invalid when it is too large, or has nothing but white space. */
  async version(content: string, { summary, restoredFrom }: Pick<NewVersion, 'summary' | 'restoredFrom'>): Promise<NewVersion> {
    const sizeBytes = Buffer.byteLength(content);
    if (sizeBytes > this.maxBytes) throw invalid(`content must have at most ${this.maxBytes} bytes as UTF-8, and has ${sizeBytes}`);
    if (content.trim() === '') throw invalid('content must have more than white space');
    return { content, digest: createHash('sha256').update(content).digest('hex'), sizeBytes, tokenCount: await inTurns(countTokensInSteps(content)), summary, restoredFrom };
  }
}

const invalid = (message: string): Invalid => new Invalid(message, [{ pointer: '/content', message }]);
