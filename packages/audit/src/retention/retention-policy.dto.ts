import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsInt, Max, Min, ValidateIf, ValidateNested } from 'class-validator';
import { oneOfMessage } from '@agent-hive/kernel/http';
import { DAYS_MAX, RETENTION_CLASSES, type Period, type RetentionClass } from './retention-class.js';

/** How long rows of a class are kept. */
export class PeriodDto implements Period {
  /** What the rows are. */
  @ApiProperty({ enum: RETENTION_CLASSES })
  @IsIn(RETENTION_CLASSES, oneOfMessage)
  retentionClass: RetentionClass;

  /** Days in the database, counted from the row's creation. */
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  hotDays: number;

  /** Days altogether, those in an archive included; as many as hotDays for no archive, null for ever. */
  @ValidateIf((period: PeriodDto) => period.totalDays !== null)
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  totalDays: number | null;
}

/** The tenant's own periods; a class that is not named has the default. */
export class ReplacePoliciesDto {
  @IsArray()
  @ArrayMaxSize(8) // one of each class; a number, since the contract takes it from here
  @ValidateNested({ each: true })
  @Type(() => PeriodDto)
  items: PeriodDto[];
}

/** How long rows of a class are kept, and by whose word. */
export class RetentionPolicyDto {
  @ApiProperty({ enum: RETENTION_CLASSES })
  retentionClass: RetentionClass;
  hotDays: number;
  totalDays: number | null;
  /** Whether the tenant has said nothing of it. */
  isDefault: boolean;
  /** Tables of the class. */
  tables: string[];
}

/** One policy for each class. */
export class RetentionPolicyList {
  items: RetentionPolicyDto[];
}
