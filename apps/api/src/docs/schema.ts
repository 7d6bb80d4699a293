type Json = Record<string, unknown>;

/**
 * Turns a document of OpenAPI 3.0, which is what @nestjs/swagger writes whatever version it is told, into one of 3.1:
 * schemas are JSON Schema there, where null is a type of its own and an exclusive bound is a number.
 */
export function toJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(toJsonSchema);
  if (node === null || typeof node !== 'object') return node;
  const walked: Json = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, toJsonSchema(value)]));
  return withMoments(withNull(withBounds(walked)));
}

/** A property that is called `...At` is a moment: response classes have it as a text already. */
function withMoments(schema: Json): Json {
  const { properties } = schema;
  if (schema.type !== 'object' || typeof properties !== 'object') return schema;
  for (const [name, property] of Object.entries(properties as Record<string, Json>)) {
    if (/[a-z]At$/.test(name) && [property.type].flat().includes('string')) property.format ??= 'date-time';
  }
  return schema;
}

function withBounds(schema: Json): Json {
  for (const [exclusive, inclusive] of [['exclusiveMinimum', 'minimum'], ['exclusiveMaximum', 'maximum']] as const) {
    if (schema[exclusive] === true) {
      schema[exclusive] = schema[inclusive];
      delete schema[inclusive];
    } else if (schema[exclusive] === false) delete schema[exclusive];
  }
  return schema;
}

function withNull(schema: Json): Json {
  // A property that is called `nullable` has a schema as its value, never a boolean.
  if (typeof schema.nullable !== 'boolean') return schema;
  const { nullable, ...rest } = schema;
  if (!nullable) return rest;
  const { description, ...shape } = rest;
  const told = description === undefined ? {} : { description };
  if (shape.$ref !== undefined) return { ...told, anyOf: [{ $ref: shape.$ref }, { type: 'null' }] };
  if (Array.isArray(shape.allOf)) return { ...told, anyOf: [shape.allOf.length === 1 ? shape.allOf[0] : { allOf: shape.allOf as unknown[] }, { type: 'null' }] };
  for (const key of ['oneOf', 'anyOf']) if (Array.isArray(shape[key])) return { ...rest, [key]: [...(shape[key] as unknown[]), { type: 'null' }] };
  if (Array.isArray(shape.enum) && !shape.enum.includes(null)) rest.enum = [...(shape.enum as unknown[]), null];
  if (typeof shape.type === 'string') rest.type = [shape.type, 'null'];
  return rest;
}
