import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { ToolGrantsService, ToolsService, TRUST_LEVELS, type AgentStatus } from '@agent-hive/agents';
import { RISKS, type Risk } from '@agent-hive/audit';
import { Forbidden, NotFound, oneTransaction, requireContext, tenantSql, tenantStatement, type Sql } from '@agent-hive/kernel';
import { allows, levelIn, reasonOf } from '../gate/gate.js';
import { digestOf } from '../interaction/action-digest.js';
import type { Action } from '../interaction/interaction.entity.js';
import type { InteractionRow } from '../interaction/interaction-view.dto.js';
import { InteractionsService } from '../interaction/interactions.service.js';
import { useApproval } from '../interaction/transition.sql.js';
import { lockApprovals, lockAsking, selectGate } from './authorization.sql.js';
import type { AuthorizationDto, AuthorizeDto } from './authorization.dto.js';

/** How long a person has to answer, and an approval to be used. */
const APPROVAL_SECONDS = 86_400;

/** Urgency of the question, by the risk. */
const PRIORITY: Readonly<Record<Risk, number>> = { low: 3, medium: 5, high: 7, critical: 9 };

/** What is asked of the gate. */
export interface GateQuestion {
  agentId: string;
  actionClass: string;
  risk: Risk;
  /** What an approval is bound to beside class and risk. */
  details: Record<string, unknown>;
  sessionId: string | null;
  /** What the question to a person is about; the agent's action itself by default. */
  subject?: { type: string; id: string };
}

/** The gate: whether an agent may do something, must ask a person, or may not. */
@Injectable()
export class AuthorizationsService {
  constructor(
    private readonly em: EntityManager,
    private readonly interactions: InteractionsService,
    private readonly grants: ToolGrantsService,
    private readonly tools: ToolsService,
  ) {}

  /** Asks the gate. Throws NotFound on agent, session or tool, Forbidden when an agent asks for another or in another's session. */
  async create(input: AuthorizeDto): Promise<AuthorizationDto> {
    const agentId = input.agentId.toLowerCase();
    requireSelf(agentId);
    const question: GateQuestion = { agentId, actionClass: input.action, risk: input.risk, details: input.details ?? {}, sessionId: input.sessionId?.toLowerCase() ?? null };
    return input.toolId ? this.ofTool(question, input.toolId) : this.authorize(question);
  }

  /**
   * Whether an agent may do an action: allowed by its level or by an approval, which is used up; else the approval that it waits for,
   * opened unless it is open already; or refused. Throws NotFound on agent or session, Forbidden on another agent's session.
   */
  async authorize(question: GateQuestion): Promise<AuthorizationDto> {
    const first = await this.look(question);
    if (first.outcome !== 'needs_approval') return first;
    return oneTransaction(this.em, () => tenantSql(this.em, (db) => this.approve(db, question, true)));
  }

  /** The same without asking anybody: an approval that there is is used up, but none is opened. Throws Forbidden when an agent asks for another. */
  async usable(question: GateQuestion): Promise<AuthorizationDto> {
    requireSelf(question.agentId);
    const first = await this.look(question);
    return first.outcome === 'needs_approval' ? oneTransaction(this.em, () => tenantSql(this.em, (db) => this.approve(db, question, false))) : first;
  }

  /** What the gate says by levels alone: nothing is opened, and nothing used up. */
  async look({ agentId, actionClass, risk, sessionId }: GateQuestion, now = new Date()): Promise<AuthorizationDto> {
    const gate = await tenantStatement(this.em, (db) => selectGate(db, agentId, sessionId, now));
    if (!gate) throw new NotFound('agent', agentId);
    if (sessionId !== null && !gate.session_is_there) throw new NotFound('session', sessionId);
    if (gate.session_agent_id !== null && gate.session_agent_id !== agentId) throw new Forbidden(`session ${sessionId} is another agent's: agent ${agentId} does nothing in it`, 'not-yours');
    const level = Math.min(levelIn(gate.levels, actionClass), gate.session_level ?? TRUST_LEVELS.length - 1);
    return judge({ level, status: gate.agent_status, isStopped: gate.is_stopped }, agentId, actionClass, risk);
  }

  /** The same for the use of a tool that the agent must have a grant on. */
  private async ofTool(question: GateQuestion, toolId: string): Promise<AuthorizationDto> {
    const tool = await this.tools.get(toolId);
    const grant = await this.grants.check(question.agentId, toolId);
    const risk = RISKS[Math.max(RISKS.indexOf(question.risk), RISKS.indexOf(tool.securityLevel))]!;
    const asked = { ...question, risk, details: { ...question.details, toolId: tool.id } };
    if (grant === 'valid') return this.authorize(asked);
    const { level } = await this.look(asked);
    return { outcome: 'refused', reason: grant === 'expired' ? `The grant on tool ${tool.id} is over` : `Agent ${question.agentId} has no grant on tool ${tool.id}`, level, interactionId: null };
  }

  /** Finds the person's answer, or asks for one. Under the lock of the agent, so that two that ask at once open one question. */
  private async approve(db: Sql, question: GateQuestion, isAsking: boolean): Promise<AuthorizationDto> {
    const { agentId, actionClass, risk, details, sessionId } = question;
    await lockAsking(db, agentId);
    const now = new Date();
    const gate = await this.look(question, now); // the level may have changed while it waited for the lock
    if (gate.outcome !== 'needs_approval') return gate;
    const action: Action = { name: actionClass, parameters: { risk, details } };
    const digest = digestOf(action);
    const found = answered(await lockApprovals(db, agentId, digest), now);
    if (found?.status === 'approved') {
      await useApproval(db, found.row, digest, now);
      return { ...gate, outcome: 'allowed', reason: 'Approved by a person', interactionId: found.row.id };
    }
    if (found?.status === 'rejected') return { ...gate, outcome: 'refused', reason: 'Refused by a person', interactionId: found.row.id };
    if (found || !isAsking) return { ...gate, interactionId: found?.row.id ?? null };
    const content = { question: `May the agent do this? ${gate.reason}`, actionClass, risk };
    const interaction = await this.interactions.create({
      type: 'approval_request', agentId, sessionId, content, action, priority: PRIORITY[risk], expiresInSeconds: APPROVAL_SECONDS, ...(question.subject && { subject: question.subject }),
    });
    return { ...gate, interactionId: interaction.id };
  }
}

/** An agent asks for itself only. */
export function requireSelf(agentId: string): void {
  const { actor } = requireContext().principal;
  if (actor.type === 'agent' && actor.id !== agentId) throw new Forbidden(`Agent ${actor.id} cannot ask for agent ${agentId}`, 'not-yours');
}

/** What level, status and a stop say of an action. While the fleet is stopped, every agent is at L0 and nothing is opened. */
export function judge({ level, status, isStopped }: { level: number; status: AgentStatus; isStopped: boolean }, agentId: string, actionClass: string, risk: Risk): AuthorizationDto {
  const common = { level: TRUST_LEVELS[isStopped ? 0 : level]!, interactionId: null };
  if (isStopped) return { ...common, outcome: 'refused', reason: 'The fleet is stopped: nothing is done until the emergency stop is lifted' };
  if (status === 'shutdown') return { ...common, outcome: 'refused', reason: `agent ${agentId} is shut down` };
  return { ...common, outcome: allows(level, actionClass, risk) ? 'allowed' : 'needs_approval', reason: reasonOf(level, actionClass, risk) };
}

/** What people have said: an approval that can be used; else, if it was the last question, that it is still open, or a refusal, which holds until it would have expired. */
function answered(rows: readonly InteractionRow[], now: Date): { row: InteractionRow; status: 'approved' | 'pending' | 'rejected' } | undefined {
  const isOver = (row: InteractionRow): boolean => row.expires_at !== null && new Date(row.expires_at) <= now;
  const usable = rows.find((row) => row.status === 'approved' && row.used_at === null && !isOver(row));
  if (usable) return { row: usable, status: 'approved' };
  const [last] = rows;
  return last && (last.status === 'pending' || last.status === 'rejected') && !isOver(last) ? { row: last, status: last.status } : undefined;
}
