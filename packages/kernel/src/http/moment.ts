import { isISO8601, isRFC3339, type ValidationOptions } from 'class-validator';
import { propertyRule } from './property-rule.js';

const YEAR_10000_MS = Date.UTC(10_000, 0);
const MESSAGE = '$property must be a moment that exists, as RFC 3339 writes it with its time zone, such as 2030-01-31T12:00:00Z';
const isMoment = (value: unknown): boolean => typeof value === 'string' && isRFC3339(value) && isISO8601(value, { strict: true }) && Date.parse(value) < YEAR_10000_MS;

/** A moment as RFC 3339 writes it, with its time zone, of a day that exists and a year that has four digits in UTC too. */
export const IsMoment = (options?: ValidationOptions): PropertyDecorator => propertyRule('isMoment', isMoment, MESSAGE, options);
