import { IsArray, Matches, MaxLength, type ValidationOptions } from 'class-validator';
import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsUniqueList } from '@agent-hive/kernel/http';
import { PATTERN } from './pattern.js';

const options: ValidationOptions = { each: true, message: 'each of $property must be an action such as task.completed, every action of a noun such as task.*, or *' };

/** A list of patterns, none twice; each of at most 100 characters. How many there may be, each field says itself (ArrayMaxSize), since the contract takes it from there. */
export const IsPatternList = (): PropertyDecorator =>
  applyDecorators(IsArray(), IsUniqueList(), MaxLength(100, { each: true }), Matches(PATTERN, options));

/** Reads what a query names once as a list of one. */
export const ToList = (): PropertyDecorator => Transform(({ value }) => (typeof value === 'string' ? [value] : (value as unknown)));
