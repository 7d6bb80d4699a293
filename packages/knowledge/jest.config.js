import preset from '@agent-hive/jest-preset';

export default preset;
