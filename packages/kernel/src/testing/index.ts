export { explain, type Plan } from './explain.js';
export { copyEmbedded, serverTemplate, testDatabase, testEngine, type TestDatabase } from './database.js';
export { testApp, TestAuthenticator, type TestApp, type TestAnswer, type TestAppOptions, type TestRequest } from './app.js';
export { readEvents, type EventReader, type ReadEvent } from './events.js';
export { principal, newTenantId } from './world.js';
