import { ValidateBy, type ValidationOptions } from 'class-validator';

const LINE = /^[^\s\p{Cc}](?:\P{Cc}*[^\s\p{Cc}])?$/u;

/** A name: text on one line, without control characters and without white space at its ends. */
export const IsLine = (options?: ValidationOptions): PropertyDecorator =>
  ValidateBy(
    {
      name: 'isLine',
      validator: {
        validate: (value) => typeof value === 'string' && LINE.test(value),
        defaultMessage: () => '$property must be one line without control characters and without white space at its ends',
      },
    },
    options,
  );
