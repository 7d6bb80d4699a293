/*
 * The life of an interaction
 *
 *             ┌──▶ approved ──use──▶ approved, used      an approval_request, and only that
 *             ├──▶ rejected                              whatever asks for an answer
 *   pending ──┼──▶ answered                              feedback, clarification, decision, intervention
 *             ├──▶ acknowledged                          a notification, or an intervention that has begun
 *             ├──▶ expired                               by time alone; counts as refused
 *             └──▶ cancelled                             by whoever asked
 *
 * It leaves `pending` once and for all: what was answered is not answered again.
 */

/** What an agent may want of a person. */
export const INTERACTION_TYPES = ['approval_request', 'feedback_request', 'clarification_request', 'notification', 'manual_intervention', 'decision_point'] as const;
export type InteractionType = (typeof INTERACTION_TYPES)[number];

/** Everything that an interaction can be. */
export const INTERACTION_STATUSES = ['pending', 'approved', 'rejected', 'answered', 'acknowledged', 'expired', 'cancelled'] as const;
export type InteractionStatus = (typeof INTERACTION_STATUSES)[number];

/** What a person can say; the other ends come by time, or from who asked. */
export const RESPONSES = ['approved', 'rejected', 'answered', 'acknowledged'] as const;
export type ResponseStatus = (typeof RESPONSES)[number];

/** What a person can say to each type. */
export const RESPONSES_TO: Readonly<Record<InteractionType, readonly ResponseStatus[]>> = {
  approval_request: ['approved', 'rejected'],
  feedback_request: ['answered', 'rejected'],
  clarification_request: ['answered', 'rejected'],
  notification: ['acknowledged'],
  manual_intervention: ['answered', 'acknowledged', 'rejected'],
  decision_point: ['answered', 'rejected'],
};

/** Whether it is over at a moment, whatever is stored: what has expired is over before any sweep says so. */
export const statusAt = ({ status, expiresAt }: { status: InteractionStatus; expiresAt: Date | null }, now: Date): InteractionStatus =>
  status === 'pending' && expiresAt !== null && expiresAt <= now ? 'expired' : status;
