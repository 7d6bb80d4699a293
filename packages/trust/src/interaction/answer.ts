import { Invalid } from '@agent-hive/kernel';
import { RESPONSES_TO, type InteractionType, type ResponseStatus } from './lifecycle.js';

/** What was asked, as far as it bounds the answer. */
interface Question {
  type: InteractionType;
  options: readonly string[] | null;
}

/** What is said. */
interface Answer {
  status: ResponseStatus;
  /** Undefined when nothing is said beside the status. */
  response?: unknown;
}

/** Refuses an answer that the question does not offer: a status of another type, a choice that is none, `answered` without an answer. Throws Invalid. */
export function requireOffered({ type, options }: Question, { status, response }: Answer): void {
  const allowed = RESPONSES_TO[type];
  if (!allowed.includes(status)) throw invalid('/status', `To a ${type} one says ${allowed.join(' or ')}, not ${status}`, allowed);
  if (status === 'answered' && response === undefined) throw invalid('/response', 'answered needs a response');
  // Who refuses chooses none of them, and may say why.
  if (options === null || response === undefined || status === 'rejected') return;
  if (!options.includes(chosen(response) as string)) throw invalid('/response', `response must be one of the options, or an object whose option is one: ${options.join(', ')}`, options);
}

/** The choice in an answer: the answer itself, or its own member `option`. */
function chosen(response: unknown): unknown {
  if (typeof response !== 'object' || response === null) return response;
  return Object.hasOwn(response, 'option') ? (response as { option: unknown }).option : undefined;
}

const invalid = (pointer: string, message: string, allowed?: readonly unknown[]): Invalid => new Invalid(message, [{ pointer, message, ...(allowed && { allowed }) }]);
