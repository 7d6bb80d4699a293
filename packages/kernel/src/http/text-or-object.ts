import { propertyRule } from './property-rule.js';

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text that is not blank, or a JSON object; with `mayBeBlank` any text. */
export const IsTextOrObject = ({ mayBeBlank = false } = {}): PropertyDecorator =>
  mayBeBlank
    ? propertyRule('isTextOrObject', (value) => typeof value === 'string' || isObject(value), '$property must be a text or a JSON object')
    : propertyRule('isTextOrObject', (value) => (typeof value === 'string' && value.trim() !== '') || isObject(value), '$property must be a text that is not empty, or a JSON object');
