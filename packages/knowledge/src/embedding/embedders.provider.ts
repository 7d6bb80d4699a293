import { Injectable } from '@nestjs/common';
import type { Embedder } from './embedder.js';
import type { Provider } from './embedding-model.entity.js';
import { HttpEmbedder, type EmbeddingServiceSettings } from './http-embedder.js';
import { LexicalEmbedder } from './lexical-embedder.js';

/** What a tenant's first model is called when no service is configured. */
export const LEXICAL_MODEL = 'lexical-1536';

/** The embedders that this hive has, by provider. */
@Injectable()
export class Embedders {
  private readonly lexical = new LexicalEmbedder();
  private readonly http: HttpEmbedder | null;

  constructor(private readonly service: EmbeddingServiceSettings | null = null) {
    this.http = service && new HttpEmbedder(service);
  }

  /** The embedder of a provider; null of callers, who embed themselves, and of a service that is not configured. */
  of(provider: Provider): Embedder | null {
    return provider === 'lexical' ? this.lexical : provider === 'http' ? this.http : null;
  }

  /** The model that a tenant has when it has named none. */
  default(): { name: string; dimensions: number; provider: Provider } {
    return this.service ? { name: this.service.model, dimensions: this.service.dimensions, provider: 'http' } : { name: LEXICAL_MODEL, dimensions: 1536, provider: 'lexical' };
  }
}
