import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import type { ClassConstructor } from 'class-transformer';
import { validate, type ValidationError } from 'class-validator';
import { Invalid, type FieldError } from '../errors.js';
import { requireUuid } from '../uuid.js';
import { bind, BrokenFields, escaped } from './binding.js';

const NO_DTO: readonly unknown[] = [undefined, String, Boolean, Number, Array, Object, Buffer, Date];

/** Checks bodies, queries and path parameters against their DTO classes; unknown fields are refused, and every broken field is named. */
export const validationPipe = (): PipeTransform => new DtoPipe();

/**
 * Takes the place of Nest's ValidationPipe, whose work grows with whatever a stranger sends: here the size of a list is
 * checked before its elements, and free-form JSON is measured and never walked.
 */
class DtoPipe implements PipeTransform {
  async transform(value: unknown, { type, metatype }: ArgumentMetadata): Promise<unknown> {
    if (type === 'custom' || NO_DTO.includes(metatype)) return value;
    const given = value ?? {};
    if (typeof given !== 'object' || Array.isArray(given)) throw new Invalid(`The ${type} must be a JSON object`, [{ pointer: '', message: 'must be a JSON object' }]);
    const broken = new BrokenFields();
    const dto = bind(metatype as ClassConstructor<object>, given, '', broken);
    const errors = await validate(dto, { forbidUnknownValues: true, stopAtFirstError: false, validationError: { target: false, value: false } });
    const refused = new Set(broken.first.map((field) => field.pointer));
    const fields = [...broken.first, ...errors.flatMap((error) => fieldErrors(error, '')).filter((field) => !isWithin(refused, field.pointer))];
    if (fields.length > 0) throw new Invalid(fields.map((field) => field.message).join('; '), fields, 'invalid', broken.more);
    return dto;
  }
}

/** Whether the field, or something that it is a part of, was refused before it was looked at. */
const isWithin = (refused: ReadonlySet<string>, pointer: string): boolean => pointer.split('/').some((_, i, parts) => refused.has(parts.slice(0, i + 1).join('/')));

function fieldErrors(error: ValidationError, parent: string): FieldError[] {
  const pointer = `${parent}/${escaped(error.property)}`;
  const own = Object.entries(error.constraints ?? {}).map(([name, message]): FieldError => {
    const allowed = (error.contexts?.[name] as { allowed?: readonly unknown[] } | undefined)?.allowed;
    return { pointer, message, ...(allowed && { allowed }) };
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
