import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsObject, IsOptional, IsString, Length, Max, MaxLength, Min, ValidateIf, ValidateNested } from 'class-validator';
import { given, IsLine, MaxJsonBytes } from '@agent-hive/kernel/http';
import type { KnowledgeDomain } from './knowledge-domain.entity.js';

/** One knowledge domain of an instruction. */
export class PutKnowledgeDomainDto {
  @IsString()
  @Length(1, 100)
  @IsLine()
  domainName: string;

  /** How much the agent is at home in it, 1 to 10; 5 by default. */
  @ValidateIf(given)
  @IsInt()
  @Min(1)
  @Max(10)
  priorityLevel?: number;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string | null;

  /** Anything of the caller's own; at most 16 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(16_384)
  domainMetadata?: Record<string, unknown>;
}

/** All knowledge domains of an instruction: those that are not in the list are taken away. */
export class PutKnowledgeDomainsDto {
  /** At most 100, each name once. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => PutKnowledgeDomainDto)
  items: PutKnowledgeDomainDto[];
}

/** A field that an agent is at home in. */
export class KnowledgeDomainDto {
  id: string;
  instructionId: string;
  domainName: string;
  /** 1 to 10. */
  priorityLevel: number;
  description: string | null;
  domainMetadata: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;

  static of(domain: KnowledgeDomain): KnowledgeDomainDto {
    return {
      id: domain.id,
      instructionId: domain.instruction.unwrap().id,
      domainName: domain.domainName,
      priorityLevel: domain.priorityLevel,
      description: domain.description ?? null,
      domainMetadata: domain.domainMetadata,
      createdAt: domain.createdAt.toISOString(),
      updatedAt: domain.updatedAt.toISOString(),
    };
  }
}

/** All knowledge domains of an instruction, highest priority first, then by name. They are read and replaced as a whole, so there are no pages. */
export class KnowledgeDomainsDto {
  items: KnowledgeDomainDto[];
}
