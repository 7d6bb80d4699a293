import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IfMatch } from '@agent-hive/kernel/http';
import { PutReviewRuleDto, ReviewRuleDto, ReviewRuleParams, ReviewRulesDto } from './review-rule.dto.js';
import { ReviewRulesService } from './review-rules.service.js';

@ApiTags('reviews')
@Controller('v1/review-rules')
export class ReviewRulesController {
  constructor(private readonly rules: ReviewRulesService) {}

  /** Lists the rules of self-review, built-in ones too. */
  @Get()
  @Access('reviews:read')
  list(): Promise<ReviewRulesDto> {
    return this.rules.list();
  }

  /** Reads a rule of self-review. */
  @Get(':name')
  @Access('reviews:read', { etag: true })
  get(@Param() { name }: ReviewRuleParams): Promise<ReviewRuleDto> {
    return this.rules.get(name);
  }

  /** Makes a rule of self-review, or puts another in its place; If-Match is checked when it is sent. */
  @Put(':name')
  @Access('reviews:write', { etag: true })
  upsert(@Param() { name }: ReviewRuleParams, @Body() input: PutReviewRuleDto, @IfMatch() version: number | null | undefined): Promise<ReviewRuleDto> {
    return this.rules.upsert(name, input, version);
  }
}
