import { propertyRule } from './property-rule.js';

const sizeBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');

/** A free-form JSON value of at most so many bytes, as UTF-8 text without white space. It stays exactly as it was sent. */
export const MaxJsonBytes = (maxBytes: number): PropertyDecorator =>
  propertyRule('maxJsonBytes', (value) => sizeBytes(value) <= maxBytes, (value) => `$property must have at most ${maxBytes} bytes as JSON, and has ${sizeBytes(value)}`);
