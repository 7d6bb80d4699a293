import type { ValidationOptions } from 'class-validator';
import { propertyRule } from './property-rule.js';

const isUnique = (value: unknown): boolean => Array.isArray(value) && new Set(value).size === value.length;

/** A list in which nothing stands twice. class-validator's ArrayUnique compares each with each. */
export const IsUniqueList = (options?: ValidationOptions): PropertyDecorator => propertyRule('isUniqueList', isUnique, '$property must not have anything twice', options);
