import { idOf, type DemoStep, type WithId } from './demo-steps.js';

/** Decisions of the reviewer: what it was about, how sure it was, and what Ada said. */
const REVIEWS = [
  { file: 'cart.ts', verdict: 'accept', confidence: 0.9, feedback: 'approved' },
  { file: 'checkout.ts', verdict: 'ask for a test', confidence: 0.8, feedback: 'approved' },
  { file: 'prices.ts', verdict: 'accept', confidence: 0.95, feedback: 'approved' },
  { file: 'session.ts', verdict: 'reject', confidence: 0.6, feedback: 'modified' },
  { file: 'search.ts', verdict: 'accept', confidence: 0.85, feedback: 'approved' },
];

/** Trust that begins: decisions that were judged, and one that waits for a person. */
export const trustSteps: readonly DemoStep[] = [
  { name: 'reviews', run: (client, made) => client.request('POST', '/v1/sessions', { agentId: idOf(made, 'reviewer'), name: 'Reviews', trustLevel: 'L4' }) },
  ...REVIEWS.map(({ file, verdict, confidence, feedback }): DemoStep => ({
    name: `review of ${file}`,
    run: async (client, made) => {
      const decision = await client.request<WithId>('POST', `/v1/sessions/${idOf(made, 'reviews')}/decisions`, {
        decisionType: 'review', inputContext: { file }, actionTaken: { verdict }, decisionRationale: `Read ${file} against its tests.`, confidenceScore: confidence, executionTimeMs: 1500,
      });
      return client.request('PUT', `/v1/decisions/${decision.id}/feedback`, { feedback });
    },
  })),
  {
    name: 'deployment that waits',
    run: (client, made) => client.request('POST', '/v1/authorizations', { agentId: idOf(made, 'builder'), action: 'deploy', risk: 'high', details: { service: 'storefront', revision: 12 } }),
  },
];
