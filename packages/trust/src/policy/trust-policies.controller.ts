import { Body, Controller, Get, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, PageQuery } from '@agent-hive/kernel/http';
import { PutTrustPolicyDto, TrustPolicyDto, TrustPolicyPage } from './trust-policy.dto.js';
import { TrustPoliciesService } from './trust-policies.service.js';

@ApiTags('trust')
@Controller('v1/trust-policies')
export class TrustPoliciesController {
  constructor(private readonly policies: TrustPoliciesService) {}

  /** Lists the versions of the policy, the one in force first. */
  @Get()
  @Access('trust:read')
  list(@Query() query: PageQuery): Promise<TrustPolicyPage> {
    return this.policies.list(query);
  }

  /** Puts a new version of the policy in force: a preset, or thresholds of one's own. */
  @Put()
  @Access('trust:write')
  upsert(@Body() input: PutTrustPolicyDto): Promise<TrustPolicyDto> {
    return this.policies.upsert(input);
  }
}
