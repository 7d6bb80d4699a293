import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsService } from '@agent-hive/agents';
import { NotFound, tenantRead } from '@agent-hive/kernel';
import { selectMessage } from '../mail/agent-message.sql.js';
import { DeliveryReportDto, type ReportQuery } from './report.dto.js';
import { reportOfAgent, reportOfMessage } from './report.sql.js';

/** What has become of messages. */
@Injectable()
export class ReportsService {
  constructor(
    private readonly em: EntityManager,
    private readonly agents: AgentsService,
  ) {}

  /** What has become of one message. Throws NotFound. */
  async ofMessage(id: string, now = new Date()): Promise<DeliveryReportDto> {
    return tenantRead(this.em, async (db) => {
      const row = await reportOfMessage(db, id, now);
      if (row.recipients === 0 && !(await selectMessage(db, id))) throw new NotFound('agent message', id);
      return DeliveryReportDto.of(row);
    });
  }

  /** What has become of the messages that were sent to an agent lately. Throws NotFound. */
  async ofAgent(id: string, { windowSeconds }: ReportQuery, now = new Date()): Promise<DeliveryReportDto> {
    const row = await tenantRead(this.em, (db) => reportOfAgent(db, id, new Date(now.getTime() - windowSeconds * 1000), now));
    if (row.recipients === 0) await this.agents.get(id);
    return DeliveryReportDto.of(row);
  }
}
