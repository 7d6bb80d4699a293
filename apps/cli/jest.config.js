import preset from '@agent-hive/jest-preset';

// Every test starts processes, several of them in turn: on a busy machine that takes its time.
export default { ...preset, testTimeout: 180_000 };
