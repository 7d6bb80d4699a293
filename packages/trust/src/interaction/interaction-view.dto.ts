import { iso } from '@agent-hive/kernel';
import type { Action } from './interaction.entity.js';
import { ActionDto, InteractionSubjectDto } from './interaction.dto.js';
import { statusAt, type InteractionStatus, type InteractionType } from './lifecycle.js';

/** Row of trust.interaction as SQL returns it. `status` is what is stored. */
export interface InteractionRow {
  id: string;
  type: InteractionType;
  status: InteractionStatus;
  subject_type: string | null;
  subject_id: string | null;
  agent_id: string | null;
  session_id: string | null;
  content: string | Record<string, unknown>;
  options: string[] | null;
  priority: number;
  action: Action | null;
  action_digest: string | null;
  response: unknown;
  responded_at: Date | string | null;
  responded_by_id: string | null;
  responded_by_name: string | null;
  used_at: Date | string | null;
  expires_at: Date | string | null;
  created_at: Date | string;
  updated_at: Date | string;
}

/** Who answered. */
export class ResponderDto {
  /** The user; null for a key that is nobody's. */
  id: string | null;
  /** How the record names who it was. */
  name: string;
}

/** Something that an agent asks of a person, and what came of it. */
export class InteractionDto {
  id: string;
  type: InteractionType;
  /** `expired` from the moment of `expiresAt` on, unless it was answered before. */
  status: InteractionStatus;
  /** What it is about. */
  subject: InteractionSubjectDto | null;
  /** Who asks; null for a service. */
  agentId: string | null;
  sessionId: string | null;
  content: string | Record<string, unknown>;
  /** What there is to choose from. */
  options: string[] | null;
  priority: number;
  /** What an approval allows, once. */
  action: ActionDto | null;
  /** sha256, in hexadecimal, of the action's canonical JSON (RFC 8785). */
  actionDigest: string | null;
  /** What the person said: any JSON. */
  response: unknown;
  respondedAt: string | null;
  respondedBy: ResponderDto | null;
  /** When the approval was used; it cannot be a second time. */
  usedAt: string | null;
  /** Until when it can be answered and, once approved, used. */
  expiresAt: string | null;
  createdAt: string;
  updatedAt: string;

  static of(row: InteractionRow, now = new Date()): InteractionDto {
    const expiresAt = row.expires_at === null ? null : new Date(row.expires_at);
    return {
      id: row.id,
      type: row.type,
      status: statusAt({ status: row.status, expiresAt }, now),
      subject: row.subject_type === null || row.subject_id === null ? null : { type: row.subject_type, id: row.subject_id },
      agentId: row.agent_id,
      sessionId: row.session_id,
      content: row.content,
      options: row.options,
      priority: row.priority,
      action: row.action,
      actionDigest: row.action_digest,
      response: row.response ?? null,
      respondedAt: iso(row.responded_at),
      respondedBy: row.responded_by_name === null ? null : { id: row.responded_by_id, name: row.responded_by_name },
      usedAt: iso(row.used_at),
      expiresAt: iso(expiresAt),
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }
}

/** A page of interactions. */
export class InteractionPage {
  items: InteractionDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching interactions, when asked for. */
  total?: number;
}
