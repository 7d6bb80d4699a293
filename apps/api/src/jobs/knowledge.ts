import { EmbeddingsService } from '@agent-hive/knowledge';
import type { Job } from './jobs.js';
import { forEachTenant } from './tenants.js';

/**
 * Computes the vectors of what was written, a turn of 20 seconds a tenant at most. What is done is stored batch by batch, so who
 * takes over goes on from there; a batch that two processes compute is stored twice the same.
 */
export const embedKnowledge: Job = {
  name: 'embeddings',
  everySeconds: 2,
  run: (context) => forEachTenant(context, 'embeddings', () => context.get(EmbeddingsService).work(context.signal)),
};
