import { currentTenantId } from '@agent-hive/kernel';
import type { ModelRow } from './embedding-model.sql.js';

const REMEMBERED_MS = 1_000;
const MODELS_MAX = 1_000;

/** What a search knows before it asks the database. */
export interface RememberedModel {
  model: ModelRow;
  /** That its vectors are too many to be compared one by one, as a search before this one was told. */
  isLarge: boolean;
}

/**
 * Models that searches of the running tenant looked up within the last second, by name, or by null as the default one. Whoever uses one
 * has the statement say whether it is still what it was. Those of a service are not kept: when it fails, the next search is to know.
 */
export class RememberedModels {
  readonly #models = new Map<string, RememberedModel & { until: number }>();

  /** The model, looked up if nothing is remembered, or when it is to be known afresh. What is changed of the answer is remembered too. */
  async get(name: string | null, lookUp: () => Promise<ModelRow>, isFresh = false): Promise<RememberedModel> {
    const key = JSON.stringify([currentTenantId(), name]);
    const known = this.#models.get(key);
    if (known && !isFresh && known.until > performance.now()) return known;
    this.#models.delete(key);
    const found = { model: await lookUp(), isLarge: false, until: performance.now() + REMEMBERED_MS };
    if (this.#models.size >= MODELS_MAX) this.#models.clear();
    if (found.model.provider !== 'http') this.#models.set(key, found);
    return found;
  }
}
