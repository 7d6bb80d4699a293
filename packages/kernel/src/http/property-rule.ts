import { Transform } from 'class-transformer';
import { ValidateBy, type ValidationOptions } from 'class-validator';

/** A decorator of a DTO's property: the name of its rule, what a value must be, and how a refusal says it (`$property` is the property). */
export const propertyRule = (name: string, validate: (value: unknown) => boolean, message: string | ((value: unknown) => string), options?: ValidationOptions): PropertyDecorator =>
  ValidateBy({ name, validator: { validate, defaultMessage: (args) => (typeof message === 'string' ? message : message(args?.value)) } }, options);

/** For @ValidateIf: a property that may be left out, and must not be null. */
export const given = (_: object, value: unknown): boolean => value !== undefined;

/** For @IsIn: the refusal names what there is. */
export const oneOfMessage = { message: '$property must be one of: $constraint1' };

/** Reads `true` and `false` of a query; whatever else there is stays, for @IsBoolean to refuse. */
export const ToBoolean = (): PropertyDecorator => Transform(({ value }) => (value === 'true' ? true : value === 'false' ? false : (value as unknown)));
