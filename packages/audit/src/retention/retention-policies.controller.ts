import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { ReplacePoliciesDto, RetentionPolicyList } from './retention-policy.dto.js';
import { RetentionPoliciesService } from './retention-policies.service.js';

@ApiTags('retention')
@Controller('v1/retention-policies')
export class RetentionPoliciesController {
  constructor(private readonly policies: RetentionPoliciesService) {}

  /** Lists how long each class of rows is kept in the database and altogether. */
  @Get()
  @Access('retention:read')
  list(): Promise<RetentionPolicyList> {
    return this.policies.list();
  }

  /** Replaces the tenant's own periods; a class that is not named gets the default. What a legal hold keeps stays whatever they say. */
  @Put()
  @Access('retention:write')
  replace(@Body() input: ReplacePoliciesDto): Promise<RetentionPolicyList> {
    return this.policies.replace(input);
  }
}
