import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { tenantId, tenantSecurity } from '@agent-hive/kernel';

/** How many decisions of an agent and a class were judged on a day (UTC): what policies that ask for weeks of success count. */
export const JudgedDaySchema = defineEntity({
  name: 'JudgedDay',
  schema: 'trust',
  tableName: 'judged_day',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    agent: () => p.manyToOne(Agent).primary().joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    actionClass: p.text().primary(),
    day: p.date().primary(),
    judgedCount: p.integer(),
    approvedCount: p.integer(),
  },
  checks: [{ name: 'judged_day_counts_check', expression: 'approved_count >= 0 and judged_count >= approved_count' }],
});

export class JudgedDay extends JudgedDaySchema.class {}
JudgedDaySchema.setClass(JudgedDay);
