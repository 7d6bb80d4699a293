export { TrustModule } from './trust.module.js';
export { trustDomain } from './orm.js';
