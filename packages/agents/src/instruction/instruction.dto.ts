import { IsObject, IsOptional, IsString, Length, MaxLength, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, MaxJsonBytes } from '@agent-hive/kernel/http';

/** The whole instruction of an agent; absent fields are empty. */
export class PutInstructionDto {
  /** What the agent is for. */
  @IsString()
  @Length(1, 20_000)
  purpose: string;

  /** How it speaks. */
  @IsOptional()
  @IsString()
  @MaxLength(20_000)
  toneGuidelines?: string | null;

  /** Ready answers by occasion, not interpreted by the hive; at most 64 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  responseTemplates?: Record<string, unknown>;

  /** Anything of the caller's own; at most 16 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(16_384)
  instructionMetadata?: Record<string, unknown>;
}

/** Instruction with its agent's name and what hangs on it, as one SQL row. */
export interface InstructionRow {
  id: string;
  agent_id: string;
  agent_name: string;
  purpose: string;
  tone_guidelines: string | null;
  response_templates: Record<string, unknown>;
  instruction_metadata: Record<string, unknown>;
  capabilities: string[];
  knowledge_domains: string[];
  version: number;
  created_at: Date;
  updated_at: Date;
}

/** What an agent is for and how it speaks. */
export class InstructionDto {
  id: string;
  agentId: string;
  /** The agent's present name; a new name of the agent does not move the version. */
  agentName: string;
  purpose: string;
  toneGuidelines: string | null;
  /** Names of its capabilities. */
  capabilities: string[];
  /** Names of its knowledge domains, the highest priority first. */
  knowledgeDomains: string[];
  responseTemplates: Record<string, unknown>;
  instructionMetadata: Record<string, unknown>;
  /** Grows with every change of what is shown here, the names of capabilities and knowledge domains included; it is the ETag. */
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(row: InstructionRow): InstructionDto {
    return {
      id: row.id,
      agentId: row.agent_id,
      agentName: row.agent_name,
      purpose: row.purpose,
      toneGuidelines: row.tone_guidelines,
      capabilities: row.capabilities,
      knowledgeDomains: row.knowledge_domains,
      responseTemplates: row.response_templates,
      instructionMetadata: row.instruction_metadata,
      version: row.version,
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
    };
  }
}
