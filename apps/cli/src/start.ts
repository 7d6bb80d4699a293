import { serveUntilSignal } from '@agent-hive/api';
import type { Context } from './context.js';

/** `hive start`: serves until it is told to stop. */
export const start = ({ env, io }: Context, { json }: { json?: boolean }): Promise<number> => serveUntilSignal(env, io, { json });
