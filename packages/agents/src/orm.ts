import { domainOrm } from '@agent-hive/kernel';
import { identityDomain } from '@agent-hive/identity';
import { AgentTypeSchema } from './agent/agent-type.entity.js';
import { AgentSchema } from './agent/agent.entity.js';
import { CapabilitySchema } from './instruction/capability.entity.js';
import { InstructionSchema } from './instruction/instruction.entity.js';
import { KnowledgeDomainSchema } from './instruction/knowledge-domain.entity.js';
import { McpServerAssignmentSchema } from './mcp-server/mcp-server-assignment.entity.js';
import { McpServerSchema } from './mcp-server/mcp-server.entity.js';
import { migrations } from './migrations/index.js';
import { PresenceSchema } from './presence/presence.entity.js';
import { PromptTemplateSchema } from './instruction/prompt-template.entity.js';
import { SessionSchema } from './session/session.entity.js';
import { StatusChangeSchema } from './presence/status-change.entity.js';
import { ToolGrantSchema } from './tool/tool-grant.entity.js';
import { ToolSchema } from './tool/tool.entity.js';
import { WorkloadSchema } from './workload/workload.entity.js';

/** Schema `agents`: agents and their presence, instructions, tools, MCP servers, workload, sessions. */
export const agentsDomain = domainOrm({
  name: 'agents',
  entities: [
    AgentSchema, AgentTypeSchema, PresenceSchema, StatusChangeSchema, WorkloadSchema, InstructionSchema, CapabilitySchema,
    KnowledgeDomainSchema, PromptTemplateSchema, McpServerSchema, McpServerAssignmentSchema, ToolSchema, ToolGrantSchema, SessionSchema,
  ],
  upstream: [identityDomain],
  migrations,
});
