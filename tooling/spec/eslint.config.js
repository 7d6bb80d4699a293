import config from '@agent-hive/lint';

export default [
  ...config,
  // node:test returns a promise from `test` and `describe` that nobody has to wait for.
  { files: ['test/**'], rules: { '@typescript-eslint/no-floating-promises': 'off' } },
];
