import { agentsDomain } from '@agent-hive/agents';
import { domainOrm } from '@agent-hive/kernel';
import { DecisionSchema } from './decision/decision.entity.js';
import { EmergencyStopSchema } from './emergency/emergency-stop.entity.js';
import { InteractionSchema } from './interaction/interaction.entity.js';
import { JudgedDaySchema } from './level/judged-day.entity.js';
import { LevelChangeSchema } from './level/level-change.entity.js';
import { StandingSchema } from './level/standing.entity.js';
import { FreezeSchema } from './measure/freeze.entity.js';
import { IncidentSchema } from './measure/incident.entity.js';
import { OverrideSchema } from './measure/override.entity.js';
import { TrustMetricSchema } from './metric/trust-metric.entity.js';
import { migrations } from './migrations/index.js';
import { TrustPolicySchema } from './policy/trust-policy.entity.js';

/** Schema `trust`: what agents may do, what they decided, and what they ask of people. */
export const trustDomain = domainOrm({
  name: 'trust',
  entities: [
    InteractionSchema, DecisionSchema, StandingSchema, JudgedDaySchema, LevelChangeSchema, TrustMetricSchema, TrustPolicySchema, OverrideSchema, FreezeSchema, IncidentSchema,
    EmergencyStopSchema,
  ],
  upstream: [agentsDomain],
  migrations,
});
