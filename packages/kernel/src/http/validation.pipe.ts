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

/** Nest's pipe drops keys such as `constructor` from every object, which are names like others in a JSON Schema; Fastify's parser already refuses those that could do harm. */
class WholeValidationPipe extends ValidationPipe {
  protected override stripProtoKeys(): void {
    // nothing is stripped
  }
}

function fieldErrors(error: ValidationError, parent: string): FieldError[] {
  const pointer = `${parent}/${error.property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const own = Object.entries(error.constraints ?? {}).map(([name, message]): FieldError => {
    const allowed = (error.contexts?.[name] as { allowed?: readonly unknown[] } | undefined)?.allowed;
    return { pointer, message: name === 'whitelistValidation' ? `unknown field ${error.property}` : message, ...(allowed && { allowed }) };
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
