import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsObject, IsOptional, IsString, Length, MaxLength, ValidateIf, ValidateNested } from 'class-validator';
import { given, IsLine, MaxJsonBytes } from '@agent-hive/kernel/http';
import type { Capability } from './capability.entity.js';

/** One capability of an instruction. */
export class PutCapabilityDto {
  /** What requirements ask for. */
  @IsString()
  @Length(1, 100)
  @IsLine()
  capabilityName: string;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string | null;

  /** How the capability is called, not interpreted by the hive; at most 16 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(16_384)
  parameters?: Record<string, unknown>;

  /** Anything of the caller's own; at most 16 KiB. */
  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(16_384)
  capabilityMetadata?: Record<string, unknown>;
}

/** All capabilities of an instruction: those that are not in the list are taken away. */
export class PutCapabilitiesDto {
  /** At most 100, each name once. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => PutCapabilityDto)
  items: PutCapabilityDto[];
}

/** Something that an instruction says the agent can do. */
export class CapabilityDto {
  id: string;
  instructionId: string;
  capabilityName: string;
  description: string | null;
  parameters: Record<string, unknown>;
  capabilityMetadata: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;

  static of(capability: Capability): CapabilityDto {
    return {
      id: capability.id,
      instructionId: capability.instruction.unwrap().id,
      capabilityName: capability.capabilityName,
      description: capability.description ?? null,
      parameters: capability.parameters,
      capabilityMetadata: capability.capabilityMetadata,
      createdAt: capability.createdAt.toISOString(),
      updatedAt: capability.updatedAt.toISOString(),
    };
  }
}

/** All capabilities of an instruction, by name. They are read and replaced as a whole, so there are no pages. */
export class CapabilitiesDto {
  items: CapabilityDto[];
}
