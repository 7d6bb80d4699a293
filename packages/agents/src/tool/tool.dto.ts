import { IsIn, IsObject, IsOptional, IsString, IsUUID, Length, MaxLength, ValidateIf } from 'class-validator';
import { RISKS, type Risk } from '@agent-hive/audit';
import { given, IsLine, MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import type { Tool } from './tool.entity.js';

/** What one version of a tool is registered with. */
export class CreateToolDto {
  @IsString()
  @Length(1, 100)
  @IsLine()
  name: string;

  /** The tool's own version, such as `1.2.0`; unique among the versions of the name. */
  @IsString()
  @Length(1, 50)
  @IsLine()
  version: string;

  /** JSON Schema of the call's input, draft 2020-12 or, by its `$schema`, draft 7; at most 64 KiB, every `$ref` inside it. */
  @IsObject()
  @MaxJsonBytes(65_536)
  schema: Record<string, unknown>;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string | null;

  /** Where it comes from: a package, a repository, a URL. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  source?: string | null;

  /** How much could go wrong by a call; `low` by default. */
  @ValidateIf(given)
  @IsIn(RISKS, oneOfMessage)
  securityLevel?: Risk;

  /** The MCP server that offers it. */
  @IsOptional()
  @IsUUID()
  mcpServerId?: string | null;

  /** Anything of the caller's own; at most 16 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(16_384)
  toolMetadata?: Record<string, unknown>;
}

/** Changes of a registered version; absent fields stay. Name, version, schema and server are fixed: another schema is another version. */
export class UpdateToolDto {
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(500)
  source?: string | null;

  @ValidateIf(given)
  @IsIn(RISKS, oneOfMessage)
  securityLevel?: Risk;

  /** At most 16 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(16_384)
  toolMetadata?: Record<string, unknown>;
}

/** Which tools to list, newest first. */
export class ToolQuery extends PageQuery {
  /** The exact name: all versions of one tool. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  name?: string;

  /** Tools that this MCP server offers. */
  @IsOptional()
  @IsUUID()
  mcpServerId?: string;
}

/** One version of something that agents can call. */
export class ToolDto {
  id: string;
  name: string;
  /** The tool's own version. */
  version: string;
  description: string | null;
  /** JSON Schema of the call's input. */
  schema: Record<string, unknown>;
  source: string | null;
  securityLevel: Risk;
  mcpServerId: string | null;
  toolMetadata: Record<string, unknown>;
  registeredAt: string;
  createdAt: string;
  updatedAt: string;
  /** Grows with every change of this record; it is the ETag. */
  revision: number;

  static of(tool: Tool): ToolDto {
    return {
      id: tool.id,
      name: tool.name,
      version: tool.toolVersion,
      description: tool.description ?? null,
      schema: tool.schema,
      source: tool.source ?? null,
      securityLevel: tool.securityLevel,
      mcpServerId: tool.mcpServer?.unwrap().id ?? null,
      toolMetadata: tool.toolMetadata,
      registeredAt: tool.registeredAt.toISOString(),
      createdAt: tool.createdAt.toISOString(),
      updatedAt: tool.updatedAt.toISOString(),
      revision: tool.version,
    };
  }
}

/** A page of tools, newest first. */
export class ToolPage {
  items: ToolDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching tools, when asked for. */
  total?: number;
}
