import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { decodeIdCursor, Forbidden, Invalid, newId, NotFound, pageOf, Refused, requireContext, tenantRead, tenantStatement, type Page } from '@agent-hive/kernel';
import { ArrivalsService } from '../delivery/arrivals.service.js';
import { AgentMessageDto, type AgentMessageQuery, type SendDto } from './agent-message.dto.js';
import { countMessages, selectMessage, selectMessages, selectReceived, selectRequest, type Answered } from './agent-message.sql.js';
import { sendLetter, type Letter } from './send.sql.js';

/** What is sent: a message may be many times as urgent, or wait for long, but it is never changed. */
@Injectable()
export class AgentMessagesService {
  constructor(
    private readonly em: EntityManager,
    private readonly arrivals: ArrivalsService,
  ) {}

  /** One message. Throws NotFound. */
  async get(id: string): Promise<AgentMessageDto> {
    const row = await tenantRead(this.em, (db) => selectMessage(db, id));
    if (!row) throw new NotFound('agent message', id);
    return AgentMessageDto.of(row);
  }

  /** A page of messages, newest first. */
  async list(query: AgentMessageQuery): Promise<Page<AgentMessageDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectMessages(db, query, before);
      const page: Page<AgentMessageDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => AgentMessageDto.of(row));
      if (query.total) page.total = await countMessages(db, query);
      return page;
    });
  }

  /**
   * Sends a message, with a delivery for each recipient in the same transaction. Throws Invalid when it is addressed to
   * nobody, to two or to other than whom it answers, NotFound on agents, topic, or what it answers, Forbidden when an agent
   * speaks for another, Refused when the sender is shut down.
   */
  async send(input: SendDto, now = new Date()): Promise<AgentMessageDto> {
    const { actor } = requireContext().principal;
    const fromAgentId = input.fromAgentId.toLowerCase();
    if (actor.type === 'agent' && actor.id !== fromAgentId) throw new Forbidden(`Agent ${actor.id} cannot send in the name of agent ${fromAgentId}`, 'not-yours');
    const answered = await this.answered(input, fromAgentId);
    requireOneAddress(input, answered);
    const letter = letterOf({ ...input, fromAgentId }, answered, now);
    const sent = await tenantStatement(this.em, (db) => sendLetter(db, letter));
    if (sent.sender_status === null) throw new NotFound('agent', fromAgentId);
    if (sent.sender_status === 'shutdown') throw new Refused(`agent ${fromAgentId} is shut down: it must become initializing before it sends messages`, 'agent-shutdown');
    if (!sent.is_addressed) throw letter.topic === null ? new NotFound('agent', letter.toAgentId!) : new NotFound('topic', letter.topic);
    this.arrivals.notify(sent.recipients!);
    return dtoOf(letter, input, sent.recipients!.length);
  }

  /** What a reply answers, which its sender must have been given; null when the message is no reply. */
  private async answered({ type, replyTo, correlationId, topic }: SendDto, fromAgentId: string): Promise<Answered | null> {
    if (replyTo !== undefined) {
      if (type === 'broadcast' || topic !== undefined) throw addressError('replyTo', 'a message that answers another goes to that one’s sender, not to a topic or to all');
      const found = await tenantRead(this.em, (db) => selectReceived(db, replyTo, fromAgentId));
      if (!found) throw new NotFound('agent message', replyTo);
      if (correlationId !== undefined && correlationId !== found.correlation_id) throw addressError('correlationId', `must be that of message ${replyTo}, or absent`);
      return found;
    }
    if (type !== 'reply') return null;
    if (correlationId === undefined) throw addressError('replyTo', 'a reply names the message that it answers by replyTo, or the request by correlationId');
    const found = await tenantRead(this.em, (db) => selectRequest(db, correlationId, fromAgentId));
    if (!found) throw new NotFound('request', correlationId);
    return found;
  }
}

const addressError = (field: string, message: string): Invalid => new Invalid(message, [{ pointer: `/${field}`, message }]);

function requireOneAddress({ toAgentId, topic, type }: SendDto, answered: Answered | null): void {
  if (answered !== null) {
    if (topic !== undefined) throw addressError('topic', 'a reply goes to the sender of what it answers, not to a topic');
    if (toAgentId !== undefined && toAgentId.toLowerCase() !== answered.from_agent_id) throw addressError('toAgentId', `must be ${answered.from_agent_id}, who sent what is answered, or absent`);
  } else if (type === 'broadcast') {
    if (toAgentId !== undefined || topic !== undefined) throw addressError('type', 'a broadcast goes to all agents: give neither toAgentId nor topic');
  } else if ((toAgentId === undefined) === (topic === undefined)) {
    throw addressError('toAgentId', 'give one of toAgentId and topic, or the type broadcast');
  }
}

function letterOf(input: SendDto, answered: Answered | null, now: Date): Letter {
  const id = newId();
  const content = JSON.stringify(input.content);
  return {
    id,
    fromAgentId: input.fromAgentId,
    toAgentId: answered?.from_agent_id ?? input.toAgentId?.toLowerCase() ?? null,
    topic: input.topic ?? null,
    type: input.type,
    content,
    contentDigest: `sha256:${hash('sha256', content)}`,
    correlationId: input.correlationId ?? answered?.correlation_id ?? (input.type === 'request' ? id : null),
    replyTo: answered?.id ?? null,
    priority: input.priority ?? 5,
    maxDeliveries: input.maxDeliveries ?? 5,
    expiresAt: input.ttlSeconds === undefined ? null : new Date(now.getTime() + input.ttlSeconds * 1000),
    metadata: JSON.stringify(input.metadata ?? {}),
    sentAt: now,
  };
}

const dtoOf = (letter: Letter, { content, metadata }: SendDto, recipientCount: number): AgentMessageDto =>
  AgentMessageDto.of({
    id: letter.id, from_agent_id: letter.fromAgentId, to_agent_id: letter.toAgentId, topic: letter.topic, type: letter.type, content, correlation_id: letter.correlationId,
    reply_to: letter.replyTo, priority: letter.priority, max_deliveries: letter.maxDeliveries, expires_at: letter.expiresAt, message_metadata: metadata ?? {},
    recipient_count: recipientCount, sent_at: letter.sentAt,
  });
