import { HiveError, isConnectionLoss, isDeadlock, isLockTimeout } from '@agent-hive/kernel';

/** Whether a start that failed may succeed when it is tried again. */
export const isPassing = (error: unknown): boolean => isDeadlock(error) || isLockTimeout(error) || isConnectionLoss(error);

/** Why a start failed, as its tenant is told: what is no refusal of the hive's own may say things of the server that are not the tenant's business. */
export const tellable = (error: unknown): string => (error instanceof HiveError ? error.message : 'It failed for a reason that is in the log of the server');
