import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// The plans of statements are looked at on a server, where tables grow large: the embedded engine makes the same ones, and takes four times as long.
const plans = process.env.HIVE_TEST_DATABASE_URL ? [] : ['/test/[a-z-]*indexes\\.test'];

/**
 * Jest on ES modules. Workspace packages resolve to their TypeScript sources (export condition `source`), so a test
 * run needs no build of anything.
 */
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  testMatch: ['<rootDir>/test/**/*.test.ts', '<rootDir>/src/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...plans],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      require.resolve('@swc/jest'),
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
  testTimeout: 120_000,
  maxWorkers: process.env.HIVE_TEST_WORKERS ?? 2,
};
