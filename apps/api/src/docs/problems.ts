/** A status that operations answer with, beside their own: what it means, and the codes that tell its cases apart. */
export interface ProblemAnswer {
  name: string;
  description: string;
  codes: readonly string[];
  headers?: Record<string, { description: string; schema: object }>;
}

const retryAfter = { 'Retry-After': { description: 'After how many seconds to repeat the request', schema: { type: 'integer', minimum: 1 } } };

/** The problems that are the same everywhere. What a domain refuses beside them (409, 422) has codes of its own: docs/problems.md lists all. */
export const PROBLEMS = {
  400: { name: 'Malformed', description: 'The body is no JSON.', codes: ['malformed'] },
  401: {
    name: 'Unauthenticated',
    description: 'No key, or one that is malformed, expired or revoked.',
    codes: ['unauthenticated'],
    headers: { 'WWW-Authenticate': { description: 'How to authenticate', schema: { type: 'string', const: 'Bearer' } } },
  },
  403: { name: 'Forbidden', description: 'The key lacks the scope, or the caller may not do this.', codes: ['missing-scope', 'forbidden'] },
  404: { name: 'NotFound', description: 'No such thing in this tenant. Another tenant\'s id answers exactly so.', codes: ['not-found'] },
  409: { name: 'Refused', description: 'A rule forbids it in the present state, or the same request is still at work.', codes: ['refused', 'conflict', 'idempotency-in-flight'], headers: retryAfter },
  412: { name: 'Stale', description: 'It was changed since it was read: read it again and repeat with its new ETag.', codes: ['stale'] },
  413: { name: 'TooLarge', description: 'The body is larger than this operation takes.', codes: ['body-too-large'] },
  422: { name: 'Invalid', description: 'A field is wrong or unknown; `errors` names each.', codes: ['invalid', 'idempotency-key-reused'] },
  428: { name: 'PreconditionRequired', description: 'The resource is versioned: send the ETag of your copy as If-Match.', codes: ['precondition-required'] },
  429: { name: 'RateLimited', description: 'This key sent too many requests.', codes: ['rate-limited'], headers: retryAfter },
  503: { name: 'Unavailable', description: 'Not now: the database is away or busy, or the process is shutting down.', codes: ['unavailable', 'busy', 'database-unavailable', 'draining'], headers: retryAfter },
} as const satisfies Record<number, ProblemAnswer>;

export type ProblemStatus = keyof typeof PROBLEMS;

/** The body of every answer that is not a success (RFC 9457). */
const problemSchema = {
  type: 'object',
  description: 'What went wrong (RFC 9457). Facts of the case, such as the states that would be allowed, stand beside these fields.',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string', format: 'uri', description: 'Names the code as a URI' },
    title: { type: 'string', description: 'The status in words' },
    status: { type: 'integer', description: 'The HTTP status' },
    detail: { type: 'string', description: 'This case in words: ids, the rule, and what would be accepted' },
    code: { type: 'string', description: 'Stable name of the case, to branch on' },
    requestId: { type: 'string', description: 'X-Request-Id of the answer; log lines carry it too' },
    errors: {
      type: 'array',
      description: 'The broken fields of a 422, the first 50 of them',
      items: {
        type: 'object',
        required: ['pointer', 'message'],
        properties: {
          pointer: { type: 'string', format: 'json-pointer', description: 'Where in the body; parts of the query and headers by their name' },
          message: { type: 'string' },
          allowed: { type: 'array', items: {}, description: 'The values that would be accepted, where they are a list' },
        },
      },
    },
    moreErrors: { type: 'integer', minimum: 1, description: 'How many broken fields there are beside those' },
  },
  additionalProperties: true,
};

/** The document's parts that problems refer to. */
export const problemComponents = {
  schemas: { Problem: problemSchema },
  responses: Object.fromEntries(
    (Object.entries(PROBLEMS) as [string, ProblemAnswer][]).map(([status, { name, description, codes, headers }]) => [
      name,
      {
        description: `${description} Code: ${codes.map((code) => `\`${code}\``).join(', ')}.`,
        ...(headers && { headers }),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example: exampleOf(Number(status), description, codes[0]!) } },
      },
    ]),
  ),
};

function exampleOf(status: number, detail: string, code: string): object {
  return { type: `urn:agent-hive:problem:${code}`, title: detail.split(/[.:,]/, 1)[0], status, detail, code, requestId: '0b6d4e1c-7c0f-4d0e-9f4b-0a5c1e2d3f40' };
}
