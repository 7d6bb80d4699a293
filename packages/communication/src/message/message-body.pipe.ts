import { Invalid, type FieldError } from '@agent-hive/kernel';
import { validationPipe } from '@agent-hive/kernel/http';
import { Injectable, type PipeTransform } from '@nestjs/common';
import { CreateMessageDto } from './message.dto.js';

/** Most messages of one request. */
export const APPEND_MAX = 1_000;
const ERRORS_MAX = 50;

/** A body that is one message or a list of them. Of a list, each is checked by itself, and pointers begin with its place. */
@Injectable()
export class MessageBodyPipe implements PipeTransform<unknown, Promise<CreateMessageDto | CreateMessageDto[]>> {
  readonly #one = validationPipe();

  async transform(body: unknown): Promise<CreateMessageDto | CreateMessageDto[]> {
    if (!Array.isArray(body)) return this.check(body);
    if (body.length === 0 || body.length > APPEND_MAX) throw new Invalid(`A list must have 1 to ${APPEND_MAX} messages, and has ${body.length}`, [{ pointer: '', message: `must have 1 to ${APPEND_MAX} messages` }]);
    const messages: CreateMessageDto[] = [];
    const errors: FieldError[] = [];
    for (const [i, item] of body.entries()) {
      try {
        messages.push(await this.check(item));
      } catch (error) {
        if (!(error instanceof Invalid)) throw error;
        errors.push(...error.errors.map((field) => ({ ...field, pointer: `/${i}${field.pointer}` })));
        if (errors.length >= ERRORS_MAX) break;
      }
    }
    if (errors.length > 0) throw new Invalid(errors.slice(0, 3).map(({ pointer, message }) => `${pointer}: ${message}`).join('; '), errors);
    return messages;
  }

  private async check(item: unknown): Promise<CreateMessageDto> {
    return (await this.#one.transform(item, { type: 'body', metatype: CreateMessageDto })) as CreateMessageDto;
  }
}
