export { CommunicationModule } from './communication.module.js';
export { communicationDomain } from './orm.js';
