import { AssignmentsService, EstimatesService, EventTriggersService, SchedulesService, SweepService, WorkloadReporter } from '@agent-hive/tasks';
import type { Job } from './jobs.js';
import { forEachTenant } from './tenants.js';

/**
 * Rescues tasks whose lease is over, within five seconds of its end even when the process that does it was killed: the
 * next one takes over after `everySeconds + graceSeconds`, and looks every `everySeconds`.
 */
export const sweepTasks: Job = {
  name: 'tasks',
  everySeconds: 1,
  graceSeconds: 2,
  run: (context) => forEachTenant(context, 'tasks', () => context.get(SweepService).sweep()),
};

/** Starts what schedules are due for. A time is fired once whoever asks, so a lease only saves the asking. */
export const fireSchedules: Job = {
  name: 'schedules',
  everySeconds: 1,
  graceSeconds: 2,
  run: (context) => forEachTenant(context, 'schedules', () => context.get(SchedulesService).fireDue()),
};

/** Starts what events are to start. An event starts a run once whoever asks. */
export const fireEventTriggers: Job = {
  name: 'event-triggers',
  everySeconds: 1,
  graceSeconds: 2,
  run: (context) => forEachTenant(context, 'event-triggers', () => context.get(EventTriggersService).fire()),
};

/** Reports that look at every busy agent, not only at those that this process has moved. */
const WHOLE_EVERY = 12;
let reports = 0;

/** Tells what this process has done to agents' loads, at most five seconds late. */
export const reportWorkload: Job = {
  name: 'workload',
  everySeconds: 5,
  everyProcess: true,
  run: (context) => {
    const whole = reports++ % WHOLE_EVERY === 0;
    return forEachTenant(context, 'workload', () => context.get(WorkloadReporter).report(new Date(), whole));
  },
};

/** Measures anew how long tasks take; what is predicted is a minute old at most, and a killed process's turn comes half a minute later. */
export const refreshEstimates: Job = {
  name: 'estimates',
  everySeconds: 60,
  run: (context) => forEachTenant(context, 'estimates', () => context.get(EstimatesService).refresh()),
};

/** Gives back what waits for agents that were chosen and are shut down, within ten seconds. */
export const releaseStranded: Job = {
  name: 'assignments',
  everySeconds: 10,
  run: (context) => forEachTenant(context, 'assignments', () => context.get(AssignmentsService).releaseStranded()),
};
