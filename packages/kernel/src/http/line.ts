import type { ValidationOptions } from 'class-validator';
import { propertyRule } from './property-rule.js';

const LINE = /^[^\s\p{Cc}](?:\P{Cc}*[^\s\p{Cc}])?$/u;
const MESSAGE = '$property must be one line without control characters and without white space at its ends';

/** A name: text on one line, without control characters and without white space at its ends. */
export const IsLine = (options?: ValidationOptions): PropertyDecorator => propertyRule('isLine', (value) => typeof value === 'string' && LINE.test(value), MESSAGE, options);
