export { KnowledgeModule, type KnowledgeOptions } from './knowledge.module.js';
export { knowledgeDomain } from './orm.js';
