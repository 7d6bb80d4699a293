import { plainToInstance, type ClassConstructor } from 'class-transformer';
import { ARRAY_MAX_SIZE, getMetadataStorage, ValidationTypes } from 'class-validator';
import { SHOWN_ERRORS_MAX, type FieldError } from '../errors.js';

/** What must be known of a property before anything looks into its value. */
interface Property {
  /** Class of the object, or of each in the list; null for texts, numbers and free-form JSON. */
  nested: ClassConstructor<object> | null;
  isList: boolean;
  /** ArrayMaxSize of the list, if it has one. */
  maxItems: number | null;
}

/** The first broken fields, and how many there are beside them: 60,000 of them are not worth their texts. */
export class BrokenFields {
  readonly first: FieldError[] = [];
  more = 0;

  add(parent: string, key: string, message: string): undefined {
    if (this.first.length < SHOWN_ERRORS_MAX) this.first.push({ pointer: `${parent}/${escaped(key)}`, message });
    else this.more++;
  }
}

const shapes = new Map<ClassConstructor<object>, ReadonlyMap<string, Property>>();

/**
 * An instance of a DTO class from what JSON.parse made. class-transformer, which needs milliseconds for every thousand keys
 * and drops those that an object inherits (`toString`), gets to see texts, numbers and the like; lists and free-form objects
 * stay as they were sent. Unknown fields, and lists that are too long to look at, are added to `broken`.
 */
export function bind<T extends object>(dto: ClassConstructor<T>, from: object, pointer: string, broken: BrokenFields): T {
  const shape = shapeOf(dto);
  const flat: Record<string, unknown> = {};
  const whole: Record<string, unknown> = {};
  for (const key of Object.keys(from)) {
    const property = shape.get(key);
    const value = (from as Record<string, unknown>)[key];
    if (!property) broken.add(pointer, key, `unknown field ${key}`);
    else if (!isObject(value)) flat[key] = value;
    else if (Array.isArray(value) && property.maxItems !== null && value.length > property.maxItems) {
      broken.add(pointer, key, `${key} must contain no more than ${property.maxItems} elements, and has ${value.length}`);
      whole[key] = [];
    } else whole[key] = property.nested ? bindNested(property.nested, property.isList, value, { pointer, key }, broken) : value;
  }
  return Object.assign(plainToInstance(dto, flat), whole);
}

/** A key as a part of a JSON pointer. */
export const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** class-validator takes a list for an object, and lists in a list, so neither may reach it. */
function bindNested(dto: ClassConstructor<object>, isList: boolean, value: object, { pointer, key }: { pointer: string; key: string }, broken: BrokenFields): unknown {
  const at = `${pointer}/${escaped(key)}`;
  if (isList !== Array.isArray(value)) return broken.add(pointer, key, `${key} must be ${isList ? 'a list' : 'an object'}`);
  if (!Array.isArray(value)) return bind(dto, value, at, broken);
  return value.map((item: unknown, i) =>
    isObject(item) && !Array.isArray(item) ? bind(dto, item, `${at}/${i}`, broken) : broken.add(at, String(i), `each of ${key} must be an object`),
  );
}

/** The properties of a DTO class by name: those with a validator. Throws on a list of objects that may be of any length. */
function shapeOf(dto: ClassConstructor<object>): ReadonlyMap<string, Property> {
  const known = shapes.get(dto);
  if (known) return known;
  const shape = new Map<string, Property>();
  for (const { propertyName, type, name, constraints, each } of getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false)) {
    const property = shape.get(propertyName) ?? { nested: null, isList: false, maxItems: null };
    if (type === ValidationTypes.NESTED_VALIDATION) [property.nested, property.isList] = [nestedClass(dto, propertyName), Boolean(each)];
    if (name === ARRAY_MAX_SIZE) property.maxItems = constraints[0] as number;
    shape.set(propertyName, property);
  }
  for (const [name, { isList, maxItems }] of shape) if (isList && maxItems === null) throw new Error(`${dto.name}.${name} is a list of objects without ArrayMaxSize`);
  shapes.set(dto, shape);
  return shape;
}

/** The class that @Type names. class-transformer tells it to nobody, but makes an instance of it. */
function nestedClass(dto: ClassConstructor<object>, name: string): ClassConstructor<object> {
  const made = (plainToInstance(dto, { [name]: {} }) as Record<string, object>)[name]!;
  if (made.constructor === Object) throw new Error(`${dto.name}.${name} has ValidateNested without @Type`);
  return made.constructor as ClassConstructor<object>;
}
