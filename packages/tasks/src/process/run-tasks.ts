import { newId } from '@agent-hive/kernel';
import type { NewTask } from '../task/new-task.js';
import type { StepDto } from './definition.dto.js';
import type { Definition } from './definition.js';
import { Renderer } from './template.js';

/** Characters that the templates of one run may become: as many as a batch of tasks may have. */
const RUN_CHARS_MAX = 16 * 1024 * 1024;

/** What sets one run apart from the others of its definition. */
export interface RunFacts {
  id: string;
  title: string;
  /** The parameters with their defaults. */
  parameters: Record<string, unknown>;
  projectId: string | null;
  /** What the root is known by, when something may be started only once. */
  externalId: string | null;
  now: Date;
}

/** The tasks of a run: a root that ends as its steps do, then a child for each step, in the order of the definition. */
export interface RunTasks {
  rootId: string;
  /** Task of each step, by the step's key. */
  stepTasks: Record<string, string>;
  tasks: NewTask[];
}

/** Makes the tasks of a run out of its definition. Throws Invalid when there would be too much of them. */
export function tasksOf({ steps, requirements, successCriteria }: Pick<Definition, 'steps' | 'requirements' | 'successCriteria'>, run: RunFacts): RunTasks {
  const renderer = new Renderer(run.parameters, RUN_CHARS_MAX);
  const common = { processRunId: run.id, projectId: run.projectId };
  const root: NewTask = { ...common, id: newId(), title: run.title, type: 'process', childPolicy: successCriteria.policy, input: run.parameters, externalId: run.externalId };
  // The root is the first of the batch, so a step stands one place further back than in the definition.
  const index = new Map(steps.map((step, i) => [step.key, i + 1]));
  const children = steps.map((step): NewTask => {
    const { type, actionClass, risk, priority, queue, maxAttempts, backoff, onDependencyFailure, requiredCapabilities, dependsOn = [] } = step;
    return {
      ...common,
      type,
      actionClass,
      risk,
      priority,
      queue,
      maxAttempts,
      backoff,
      onDependencyFailure,
      id: newId(),
      parentIndex: 0,
      ...renderedOf(step, renderer),
      requiredCapabilities: [...(requiredCapabilities ?? []), ...requirements.capabilities],
      dependsOn: dependsOn.map((dependency) => ({ index: index.get(dependency.step)!, type: dependency.type })),
      runAt: inSeconds(run.now, step.runAfterSeconds),
      deadlineAt: inSeconds(run.now, step.deadlineSeconds),
    };
  });
  return { rootId: root.id!, stepTasks: Object.fromEntries(steps.map((step, i) => [step.key, children[i]!.id!])), tasks: [root, ...children] };
}

function renderedOf({ title, description, input }: StepDto, renderer: Renderer): Pick<NewTask, 'title' | 'description' | 'input'> {
  return {
    title: renderer.text(title),
    description: descriptionOf(renderer.value(description)),
    input: renderer.value(input ?? {}) as Record<string, unknown>,
  };
}

/** A description is a text or an object, whatever the type of the parameter that it consists of. */
const descriptionOf = (value: unknown): NewTask['description'] =>
  value === undefined || value === null || typeof value === 'string' || (typeof value === 'object' && !Array.isArray(value)) ? (value as NewTask['description']) : JSON.stringify(value);

/** The moment so long after another, as a task to be takes it; null when no time is given. */
export const inSeconds = (from: Date, seconds: number | null | undefined): string | null => (seconds == null ? null : new Date(from.getTime() + seconds * 1000).toISOString());
