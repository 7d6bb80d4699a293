import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, Length, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { given, IsLine, MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { masked } from './mcp-server-form.js';
import { TRANSPORTS, type McpServer, type Transport } from './mcp-server.entity.js';

/** What may be left out of an MCP server. */
class McpServerFields {
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string | null;

  /** The program to start; stdio only. */
  @IsOptional()
  @IsString()
  @Length(1, 1000)
  @IsLine()
  command?: string | null;

  /** Arguments of the command; stdio only. */
  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(4096, { each: true })
  args?: string[];

  /** Environment of the command by name, stdio only; values are kept secret. `********` means the stored value of that name. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  env?: Record<string, string>;

  /** Absolute http or https URL without credentials and fragment; http only. */
  @IsOptional()
  @IsString()
  @Length(1, 2000)
  url?: string | null;

  /** Headers of every call by name, http only; values are kept secret. `********` means the stored value of that name. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(65_536)
  headers?: Record<string, string>;

  /** How long a call may take, 100 to 600000; 30000 by default. */
  @ValidateIf(given)
  @IsInt()
  @Min(100)
  @Max(600_000)
  timeoutMs?: number;

  /** Whether agents may use it; true by default. */
  @ValidateIf(given)
  @IsBoolean()
  isEnabled?: boolean;
}

/** What an MCP server is registered with: a command for stdio, a URL for http. */
export class CreateMcpServerDto extends McpServerFields {
  /** Unique within the tenant. */
  @IsString()
  @Length(1, 100)
  @IsLine()
  name: string;

  /** How it is spoken to: `stdio` starts a command, `http` calls a URL. */
  @IsIn(TRANSPORTS, oneOfMessage)
  transport: Transport;
}

/** Changes of an MCP server; absent fields stay, and what results must be a whole form again. */
export class UpdateMcpServerDto extends McpServerFields {
  @ValidateIf(given)
  @IsString()
  @Length(1, 100)
  @IsLine()
  name?: string;

  @ValidateIf(given)
  @IsIn(TRANSPORTS, oneOfMessage)
  transport?: Transport;
}

/** Which MCP servers to list, newest first. */
export class McpServerQuery extends PageQuery {
  /** The exact name. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  name?: string;
}

/** A Model Context Protocol server. */
export class McpServerDto {
  id: string;
  name: string;
  description: string | null;
  transport: Transport;
  command: string | null;
  args: string[];
  /** Names of the environment, each with `********`. */
  env: Record<string, string>;
  url: string | null;
  /** Names of the headers, each with `********`. */
  headers: Record<string, string>;
  timeoutMs: number;
  isEnabled: boolean;
  /** Grows with every change; it is the ETag. */
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(server: McpServer): McpServerDto {
    return {
      id: server.id,
      name: server.name,
      description: server.description ?? null,
      transport: server.transport,
      command: server.command ?? null,
      args: server.args,
      env: masked(server.env),
      url: server.url ?? null,
      headers: masked(server.headers),
      timeoutMs: server.timeoutMs,
      isEnabled: server.isEnabled,
      version: server.version,
      createdAt: server.createdAt.toISOString(),
      updatedAt: server.updatedAt.toISOString(),
    };
  }
}

/** A page of MCP servers, newest first. */
export class McpServerPage {
  items: McpServerDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching servers, when asked for. */
  total?: number;
}
