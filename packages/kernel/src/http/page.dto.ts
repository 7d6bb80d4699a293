import { Type } from 'class-transformer';
import { IsBoolean, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { PageRequest } from '../page.js';
import { ToBoolean } from './property-rule.js';

/** Query of every list. */
export class PageQuery implements PageRequest {
  /** How many items, 1 to 100. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 20;

  /** `nextCursor` of the page before. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  cursor?: string;

  /** Whether to count all items, which costs. */
  @IsOptional()
  @ToBoolean()
  @IsBoolean()
  total?: boolean;
}
