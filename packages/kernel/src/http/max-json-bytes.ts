import { ValidateBy } from 'class-validator';

/** A free-form JSON value of at most so many bytes, as UTF-8 text without white space. It stays exactly as it was sent. */
export const MaxJsonBytes = (maxBytes: number): PropertyDecorator =>
  ValidateBy({
    name: 'maxJsonBytes',
    constraints: [maxBytes],
    validator: {
      validate: (value) => sizeBytes(value) <= maxBytes,
      defaultMessage: (args) => `$property must have at most $constraint1 bytes as JSON, and has ${sizeBytes(args?.value)}`,
    },
  });

const sizeBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');
