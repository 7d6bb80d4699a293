import canonicalize from 'canonicalize';
import { Invalid, newId, type FieldError } from '@agent-hive/kernel';
import { digestOf } from './digest.js';
import type { CreateMessageDto, MessageRow } from './message.dto.js';

/** A message before it has a sequence: what the database is to keep of it. */
export type DraftMessage = Omit<MessageRow, 'session_id' | 'sequence'> & { size_bytes: number };

/** Messages to append together, and the sequence that the session must be at. */
export interface Draft {
  messages: DraftMessage[];
  expectedSequence: number | null;
}

/** Where the i-th message of a request stands; a request of one message is no list. */
export type PointerOf = (i: number) => string;

/** The rows of new messages. Throws Invalid, with a pointer to each field, on content that is empty or too large and on an expected sequence that is not the first one's. */
export function draftOf(inputs: readonly CreateMessageDto[], maxBytes: number, now: Date, pointerOf: PointerOf): Draft {
  const errors: FieldError[] = [];
  const messages = inputs.map((input, i) => {
    const contentBytes = Buffer.byteLength(input.content);
    const refuse = (field: string, message: string) => errors.push({ pointer: `${pointerOf(i)}/${field}`, message });
    if (contentBytes > maxBytes) refuse('content', `content must have at most ${maxBytes} bytes as UTF-8, and has ${contentBytes}`);
    if (contentBytes === 0 && !input.toolCalls?.length && !input.toolOutputs?.length) refuse('content', 'content must not be empty without tool calls or outputs');
    if (i > 0 && input.expectedSequence != null) refuse('expectedSequence', 'expectedSequence is for the first of a list: the others follow it');
    return messageOf(input, contentBytes, now);
  });
  if (errors.length > 0) throw new Invalid(errors.map((error) => error.message).slice(0, 3).join('; '), errors);
  return { messages, expectedSequence: inputs[0]?.expectedSequence ?? null };
}

function messageOf(input: CreateMessageDto, contentBytes: number, now: Date): DraftMessage {
  const [toolCalls, toolOutputs] = [input.toolCalls ?? null, input.toolOutputs ?? null];
  const [channelPayload, messageMetadata] = [input.channelPayload ?? {}, input.messageMetadata ?? {}];
  const hasPayload = toolCalls !== null || toolOutputs !== null || Object.keys(channelPayload).length + Object.keys(messageMetadata).length > 0;
  const payload = hasPayload ? canonicalize({ channelPayload, messageMetadata, toolCalls, toolOutputs })! : null;
  return {
    id: newId(),
    role: input.role === 'assistant' ? 'agent' : input.role,
    message_type: input.messageType ?? 'text',
    content: input.content,
    parent_message_id: input.parentMessageId?.toLowerCase() ?? null,
    tokens_used: input.tokensUsed ?? null,
    model_used: input.modelUsed ?? null,
    tool_calls: toolCalls,
    tool_outputs: toolOutputs,
    channel_payload: channelPayload,
    message_metadata: messageMetadata,
    size_bytes: contentBytes + (payload === null ? 0 : Buffer.byteLength(payload)),
    content_digest: digestOf(input.content),
    payload_digest: payload === null ? null : digestOf(payload),
    feedback: null,
    feedback_comment: null,
    feedback_at: null,
    redacted_at: null,
    redaction_reason: null,
    created_at: now,
    updated_at: now,
  };
}
