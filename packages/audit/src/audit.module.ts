import { Module, type OnModuleInit } from '@nestjs/common';
import { AuditHooks } from './audit.hooks.js';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';
import { MetricsController } from './metric/metrics.controller.js';
import { MetricsService } from './metric/metrics.service.js';
import { ReviewRulesController } from './review/review-rules.controller.js';
import { ReviewRulesService } from './review/review-rules.service.js';
import { ReviewsService } from './review/reviews.service.js';
import { SuggestionsController } from './review/suggestions.controller.js';
import { SuggestionsService } from './review/suggestions.service.js';

/** What this domain records beside the changes of its tables: no agent may report one of these. */
const ACTIONS = ['performance_metric.recorded', 'performance_metric.rolled_up', 'optimization_suggestion.measured'];

@Module({
  controllers: [EntriesController, MetricsController, ReviewRulesController, SuggestionsController],
  providers: [EntriesService, AuditHooks, MetricsService, ReviewRulesService, ReviewsService, SuggestionsService],
  exports: [EntriesService, AuditHooks, MetricsService, ReviewsService],
})
export class AuditModule implements OnModuleInit {
  constructor(private readonly hooks: AuditHooks) {}

  onModuleInit(): void {
    this.hooks.actions.register('audit', async () => ACTIONS);
  }
}
