import { toJsonSchema } from '../src/docs/schema.js';

describe('schemas of OpenAPI 3.0 as JSON Schema', () => {
  it.each([
    ['a nullable text', { type: 'string', nullable: true, maxLength: 5 }, { type: ['string', 'null'], maxLength: 5 }],
    ['a nullable closed list', { type: 'string', nullable: true, enum: ['a', 'b'] }, { type: ['string', 'null'], enum: ['a', 'b', null] }],
    ['a nullable reference', { nullable: true, allOf: [{ $ref: '#/x' }], description: 'X' }, { description: 'X', anyOf: [{ $ref: '#/x' }, { type: 'null' }] }],
    ['a nullable union', { nullable: true, oneOf: [{ type: 'string' }] }, { oneOf: [{ type: 'string' }, { type: 'null' }] }],
    ['a bound that excludes itself', { type: 'number', minimum: 0, exclusiveMinimum: true }, { type: 'number', exclusiveMinimum: 0 }],
    ['what is not nullable', { type: 'string', nullable: false }, { type: 'string' }],
    ['a property that is called nullable', { type: 'object', properties: { nullable: { type: 'boolean' } } }, { type: 'object', properties: { nullable: { type: 'boolean' } } }],
    ['a moment', { type: 'object', properties: { createdAt: { type: 'string' }, at: { type: 'string' } } }, { type: 'object', properties: { createdAt: { type: 'string', format: 'date-time' }, at: { type: 'string' } } }],
  ])('turns %s', (_, before, after) => {
    expect(toJsonSchema({ deep: [before] })).toEqual({ deep: [after] });
  });
});
