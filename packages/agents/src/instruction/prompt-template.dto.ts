import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsObject, IsString, Length, Max, Min, ValidateIf, ValidateNested } from 'class-validator';
import { IsLine, MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import type { PromptTemplate } from './prompt-template.entity.js';

/** The text that a prompt template is to have. */
export class PutPromptTemplateDto {
  @IsString()
  @Length(1, 100)
  @IsLine()
  templateName: string;

  @IsString()
  @Length(1, 200_000)
  templateContent: string;

  /** What the text's placeholders stand for, not interpreted by the hive; at most 16 KiB. */
  @ValidateIf((_, value) => value !== undefined)
  @IsObject()
  @MaxJsonBytes(16_384)
  contextParameters?: Record<string, unknown>;
}

/** Texts of prompt templates; templates that are not named stay as they are. */
export class PutPromptTemplatesDto {
  /** At most 100, each name once. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => PutPromptTemplateDto)
  items: PutPromptTemplateDto[];
}

/** One version of a prompt template. */
export class PromptTemplateVersionDto {
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  templateVersion: number;
}

/** Which templates or versions to list. */
export class PromptTemplateQuery extends PageQuery {}

/** One version of a prompt template. Its text never changes. */
export class PromptTemplateDto {
  id: string;
  instructionId: string;
  templateName: string;
  /** 1, 2, 3 ... within the name. */
  templateVersion: number;
  templateContent: string;
  contextParameters: Record<string, unknown>;
  /** Whether it is the version in use; of the versions of one name one is. */
  isActive: boolean;
  /** The version whose text this one brought back. */
  restoredFromVersion: number | null;
  createdAt: string;
  updatedAt: string;

  static of(template: PromptTemplate): PromptTemplateDto {
    return {
      id: template.id,
      instructionId: template.instruction.unwrap().id,
      templateName: template.templateName,
      templateVersion: template.templateVersion,
      templateContent: template.templateContent,
      contextParameters: template.contextParameters,
      isActive: template.isActive,
      restoredFromVersion: template.restoredFromVersion ?? null,
      createdAt: template.createdAt.toISOString(),
      updatedAt: template.updatedAt.toISOString(),
    };
  }
}

/** The active versions of the templates that were named, in that order. */
export class PromptTemplatesDto {
  items: PromptTemplateDto[];
}

/** A page of prompt templates. */
export class PromptTemplatePage {
  items: PromptTemplateDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all, when asked for. */
  total?: number;
}
