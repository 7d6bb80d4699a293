export { CommunicationModule, type CommunicationOptions } from './communication.module.js';
export { CreateMessageDto, MessageDto } from './message/message.dto.js';
export { MESSAGE_ROLES, MESSAGE_TYPES, type MessageRole, type MessageType } from './message/message.entity.js';
export { MessagesService } from './message/messages.service.js';
export { communicationDomain } from './orm.js';
