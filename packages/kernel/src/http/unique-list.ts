import { ValidateBy, type ValidationOptions } from 'class-validator';

/** A list in which nothing stands twice. class-validator's ArrayUnique compares each with each. */
export const IsUniqueList = (options?: ValidationOptions): PropertyDecorator =>
  ValidateBy(
    {
      name: 'isUniqueList',
      validator: {
        validate: (value) => Array.isArray(value) && new Set(value).size === value.length,
        defaultMessage: () => '$property must not have anything twice',
      },
    },
    options,
  );
