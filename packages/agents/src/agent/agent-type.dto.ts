import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import type { AgentType } from './agent-type.entity.js';

/** Path of a type that a tenant adds. */
export class AgentTypeParams {
  /** Lower case letters, digits and dashes, beginning with a letter; at most 50. */
  @IsString()
  @Matches(/^[a-z][a-z0-9-]{0,49}$/, { message: 'name must be lower case letters, digits and dashes, begin with a letter, and have at most 50 characters' })
  name: string;
}

/** What a tenant says of a type. */
export class PutAgentTypeDto {
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;
}

/** A kind of agent that this tenant may register. */
export class AgentTypeDto {
  name: string;
  description: string | null;
  /** Whether every tenant knows it. */
  isBuiltIn: boolean;

  static of(type: Pick<AgentType, 'name'> & { description?: string | null }, isBuiltIn = false): AgentTypeDto {
    return { name: type.name, description: type.description ?? null, isBuiltIn };
  }
}

/** All kinds of agents, built-in ones first. */
export class AgentTypesDto {
  items: AgentTypeDto[];
}
