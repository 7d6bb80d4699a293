import { Body, Controller, Delete, Get, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { CreateEmergencyStopDto, EmergencyStopDto } from './emergency-stop.dto.js';
import { EmergencyStopsService } from './emergency-stops.service.js';

@ApiTags('trust')
@Controller('v1/emergency-stop')
export class EmergencyStopsController {
  constructor(private readonly stops: EmergencyStopsService) {}

  /** Reads whether the fleet is stopped. */
  @Get()
  @Access('trust:read')
  get(): Promise<EmergencyStopDto> {
    return this.stops.get();
  }

  /** Stops the fleet: nothing is claimed or authorized, pending approvals are cancelled, every agent is at L0. */
  @Post()
  @HttpCode(200)
  @Access('trust:stop')
  create(@Body() { reason }: CreateEmergencyStopDto): Promise<EmergencyStopDto> {
    return this.stops.create(reason);
  }

  /** Lets the fleet go on, with the levels as they were. */
  @Delete()
  @HttpCode(204)
  @Access('trust:stop')
  delete(): Promise<void> {
    return this.stops.delete();
  }
}
