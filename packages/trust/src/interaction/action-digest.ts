import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Action } from './interaction.entity.js';

/**
 * Names an action by what it does: sha256, in hexadecimal, of its canonical JSON (RFC 8785, JSON Canonicalization Scheme), so
 * the order of members and the way numbers are written do not matter. Numbers are doubles there, as in JSON.parse: of integers
 * beyond 2^53 two neighbours are one, so such values belong into texts.
 */
export const digestOf = ({ name, parameters }: Action): string => hash('sha256', canonicalize({ name, parameters })!);
