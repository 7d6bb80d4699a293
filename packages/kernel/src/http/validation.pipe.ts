import { Injectable, ValidationPipe, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { Invalid, type FieldError } from '../errors.js';
import { requireUuid } from '../uuid.js';

/** Checks bodies and queries against their DTO classes; unknown fields are refused, and every broken field is named. */
export const validationPipe = (): ValidationPipe =>
  new WholeValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: false,
    validationError: { target: false, value: false },
    exceptionFactory: (errors: ValidationError[]) => {
      const fields = errors.flatMap((error) => fieldErrors(error, ''));
      return new Invalid(fields.map((f) => f.message).join('; ') || 'The request is not valid', fields);
    },
  });

/**
 * Nest's pipe drops the key `constructor`, and class-transformer drops every key that an object inherits (`toString`), though
 * they are names like others in a JSON Schema or a configuration. While it is at work they end in NUL, which no key of a
 * request does, since NUL is refused before. Fastify's parser already refuses `__proto__`.
 */
class WholeValidationPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (!hasInheritedName(value)) return super.transform(value, metadata);
    const body: unknown = structuredClone(value);
    renameKeys(body, (key) => (key in Object.prototype ? `${key}\0` : key));
    const checked: unknown = await super.transform(body, metadata);
    renameKeys(checked, named);
    return checked;
  }

  protected override stripProtoKeys(): void {
    // nothing is stripped
  }
}

const named = (key: string): string => (key.endsWith('\0') ? key.slice(0, -1) : key);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const hasInheritedName = (value: unknown): boolean => isObject(value) && Object.keys(value).some((key) => key in Object.prototype || hasInheritedName(value[key]));

function renameKeys(value: unknown, rename: (key: string) => string): void {
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    renameKeys(value[key], rename);
    const renamed = rename(key);
    if (renamed === key) continue;
    value[renamed] = value[key];
    delete value[key];
  }
}

function fieldErrors(error: ValidationError, parent: string): FieldError[] {
  const property = named(error.property);
  const pointer = `${parent}/${property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const own = Object.entries(error.constraints ?? {}).map(([name, message]): FieldError => {
    const allowed = (error.contexts?.[name] as { allowed?: readonly unknown[] } | undefined)?.allowed;
    return { pointer, message: name === 'whitelistValidation' ? `unknown field ${property}` : message, ...(allowed && { allowed }) };
  });
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, pointer))];
}

/** A path parameter that must be a UUID: `@Param('id', IdPipe) id: string`. */
@Injectable()
export class IdPipe implements PipeTransform<string, string> {
  transform(value: string, metadata: ArgumentMetadata): string {
    return requireUuid(value, metadata.data ?? 'id');
  }
}
