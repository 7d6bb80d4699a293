import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Lint rules of every package: those that find bugs. How a file reads is checked by tooling/tidy. */
export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', '*.config.js', 'src/**/migrations/snapshot.json'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'off', // an `import type` on an injected class erases its runtime metadata
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  // Generated SQL escapes what a template literal need not.
  { files: ['src/migrations/*.ts'], rules: { 'no-useless-escape': 'off' } },
  { files: ['test/**/*.ts', '**/*.test.ts'], rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-member-access': 'off', '@typescript-eslint/no-unsafe-argument': 'off', '@typescript-eslint/no-unsafe-return': 'off' } },
);
