/** What texts are embedded for. */
export interface EmbeddingRequest {
  /** Name of the model, as the provider knows it. */
  model: string;
  dimensions: number;
  /** Whether somebody waits for it: then it is tried once. */
  isQuery: boolean;
  signal?: AbortSignal;
}

/** Texts could not be embedded. */
export class EmbeddingFailed extends Error {
  override readonly name = 'EmbeddingFailed';
  constructor(
    message: string,
    /** Whether another time may do: the service is away or busy. Else something is wrong with these texts or with what it answers. */
    readonly isTransient: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Computes vectors of texts. */
export interface Embedder {
  /** A vector of length 1 for each text, in their order. Throws EmbeddingFailed. */
  embed(texts: readonly string[], request: EmbeddingRequest): Promise<number[][]>;
}
