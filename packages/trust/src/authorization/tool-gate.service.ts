import { Injectable } from '@nestjs/common';
import type { ToolGrantOrder } from '@agent-hive/agents';
import { Refused, requireContext } from '@agent-hive/kernel';
import { AuthorizationsService } from './authorizations.service.js';

/** Class of tools that an agent takes for itself. */
const TOOL_GRANT = 'tool_grant';

/**
 * The gate of tool grants. A person who grants a tool has decided; an agent that takes one for itself needs the level for the tool's
 * security level, or an approval. Its refusal undoes the grant, so it opens no question: the agent asks by POST /v1/authorizations.
 */
@Injectable()
export class ToolGate {
  constructor(private readonly authorizations: AuthorizationsService) {}

  /** Throws Refused (`needs-approval`) when an agent may not take the tool, Forbidden when it takes it for another. */
  async require({ agentId, toolId, securityLevel }: ToolGrantOrder): Promise<void> {
    if (requireContext().principal.actor.type !== 'agent') return;
    const details = { toolId };
    const said = await this.authorizations.usable({ agentId, actionClass: TOOL_GRANT, risk: securityLevel, details, sessionId: null });
    if (said.outcome === 'allowed') return;
    const ask = `ask by POST /v1/authorizations {"action": "${TOOL_GRANT}", "risk": "${securityLevel}", "details": {"toolId": "${toolId}"}} and repeat once it is approved`;
    throw new Refused(`${said.reason}: ${ask}`, 'needs-approval', { outcome: said.outcome, level: said.level });
  }
}
