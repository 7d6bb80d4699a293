import preset from '@agent-hive/jest-preset';

// What these try is the same whichever engine the hive has: once, on the embedded one, is enough.
const anyEngine = process.env.HIVE_TEST_DATABASE_URL ? ['/test/import\\.test', '/test/json\\.test', '/test/no-database\\.test'] : [];

// Every test starts processes, several of them in turn: on a busy machine that takes its time.
export default { ...preset, testTimeout: 180_000, testPathIgnorePatterns: [...preset.testPathIgnorePatterns, ...anyEngine] };
