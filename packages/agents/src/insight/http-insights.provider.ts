import { InsightsProvider, type Insights, type InsightsRequest } from './insights.provider.js';

/** Where and how to ask a language model. */
export interface HttpInsightsSettings {
  /** Base of an OpenAI-compatible API, such as https://llm.example/v1. */
  url: string;
  model: string;
  key?: string;
  timeoutMs: number;
}

const ANSWER_MAX_BYTES = 256 * 1024;
const REQUEST_MAX_BYTES = 64 * 1024;

const TASK = `You analyse one AI agent from the JSON you are given. Answer with one JSON object and nothing else:
{"efficiency_score": number 0-100, "performance_metrics": {"overall_score": integer 0-100}, "learning_data": object, "optimizations": [short strings], "predictions": object}.
Use only figures that follow from the input.`;

/** Asks an OpenAI-compatible chat endpoint. Times out, caps what it sends and reads, and refuses an answer that is not of the agreed shape. */
export class HttpInsightsProvider extends InsightsProvider {
  readonly name = 'http';
  constructor(private readonly settings: HttpInsightsSettings) {
    super();
  }

  async analyze(request: InsightsRequest): Promise<Insights> {
    const content = JSON.stringify(request);
    if (Buffer.byteLength(content) > REQUEST_MAX_BYTES) throw new Error(`the agent's data exceed ${REQUEST_MAX_BYTES} bytes`);
    const response = await fetch(`${this.settings.url.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      signal: AbortSignal.timeout(this.settings.timeoutMs),
      headers: { 'content-type': 'application/json', ...(this.settings.key && { authorization: `Bearer ${this.settings.key}` }) },
      body: JSON.stringify({
        model: this.settings.model,
        temperature: 0,
        response_format: { type: 'json_object' },
        messages: [
          { role: 'system', content: TASK },
          { role: 'user', content },
        ],
      }),
    });
    const text = await readCapped(response);
    if (!response.ok) throw new Error(`the provider answered ${response.status}`);
    const answer = JSON.parse(text) as { choices?: { message?: { content?: unknown } }[] };
    const message = answer.choices?.[0]?.message?.content;
    if (typeof message !== 'string') throw new Error('the provider answered without a message');
    return { ...requireInsights(JSON.parse(message)), provider: this.name };
  }
}

async function readCapped(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > ANSWER_MAX_BYTES) throw new Error(`the provider answered more than ${ANSWER_MAX_BYTES} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPercent = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 100;

function requireInsights(value: unknown): Insights {
  if (!isObject(value)) throw new Error('the provider answered no JSON object');
  const { efficiency_score: efficiency, performance_metrics: metrics, learning_data: learning, optimizations } = value;
  if (efficiency !== undefined && !isPercent(efficiency)) throw new Error('efficiency_score is not within 0 to 100');
  if (metrics !== undefined && (!isObject(metrics) || (metrics.overall_score !== undefined && !isPercent(metrics.overall_score)))) {
    throw new Error('performance_metrics.overall_score is not within 0 to 100');
  }
  if (learning !== undefined && !isObject(learning)) throw new Error('learning_data is no object');
  if (optimizations !== undefined && (!Array.isArray(optimizations) || !optimizations.every((text) => typeof text === 'string'))) throw new Error('optimizations is no list of texts');
  return value;
}
