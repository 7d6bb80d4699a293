export { default } from '@agent-hive/lint';
