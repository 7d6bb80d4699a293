import { InsightsProvider, type Insights, type InsightsRequest } from './insights.provider.js';
import { askLanguageModel, isObject, type LanguageModelSettings } from './language-model.js';

const INSTRUCTION = `You analyse one AI agent from the JSON you are given. Answer with one JSON object and nothing else:
{"efficiency_score": number 0-100, "performance_metrics": {"overall_score": integer 0-100}, "learning_data": object, "optimizations": [short strings], "predictions": object}.
Use only figures that follow from the input.`;

/** Asks a language model, and refuses an answer that is not of the agreed shape. */
export class HttpInsightsProvider extends InsightsProvider {
  readonly name = 'http';
  constructor(private readonly settings: LanguageModelSettings) {
    super();
  }

  async analyze(request: InsightsRequest): Promise<Insights> {
    return { ...requireInsights(await askLanguageModel(this.settings, { instruction: INSTRUCTION, data: request, noun: 'agent' })), provider: this.name };
  }
}

const isPercent = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 100;

function requireInsights(value: Record<string, unknown>): Insights {
  const { efficiency_score: efficiency, performance_metrics: metrics, learning_data: learning, optimizations } = value;
  if (efficiency !== undefined && !isPercent(efficiency)) throw new Error('efficiency_score is not within 0 to 100');
  if (metrics !== undefined && (!isObject(metrics) || (metrics.overall_score !== undefined && !isPercent(metrics.overall_score)))) {
    throw new Error('performance_metrics.overall_score is not within 0 to 100');
  }
  if (learning !== undefined && !isObject(learning)) throw new Error('learning_data is no object');
  if (optimizations !== undefined && (!Array.isArray(optimizations) || !optimizations.every((text) => typeof text === 'string'))) throw new Error('optimizations is no list of texts');
  return value;
}
