import { ValidateBy, type ValidationOptions } from 'class-validator';

/** A decorator of a DTO's property: the name of its rule, what a value must be, and how a refusal says it (`$property` is the property). */
export const propertyRule = (name: string, validate: (value: unknown) => boolean, message: string | ((value: unknown) => string), options?: ValidationOptions): PropertyDecorator =>
  ValidateBy({ name, validator: { validate, defaultMessage: (args) => (typeof message === 'string' ? message : message(args?.value)) } }, options);
