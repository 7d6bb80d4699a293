import { Module, type DynamicModule } from '@nestjs/common';
import { AuditModule } from '@agent-hive/audit';
import { AppendsService } from './appends.service.js';
import { ForksService } from './forks.service.js';
import { MessageReviewsService } from './message-reviews.service.js';
import { MessageStreamsService } from './message-streams.service.js';
import { MessagesController } from './messages.controller.js';
import { MESSAGE_LIMITS, MessagesService, type MessageLimits } from './messages.service.js';
import { SessionMessagesController } from './session-messages.controller.js';
import { SessionWatch } from './session-watch.service.js';

@Module({})
export class MessagesModule {
  static forRoot(limits: MessageLimits): DynamicModule {
    return {
      module: MessagesModule,
      imports: [AuditModule],
      controllers: [SessionMessagesController, MessagesController],
      providers: [{ provide: MESSAGE_LIMITS, useValue: limits }, SessionWatch, AppendsService, MessagesService, MessageReviewsService, ForksService, MessageStreamsService],
      exports: [MessagesService],
    };
  }
}
