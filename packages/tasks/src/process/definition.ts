import { requireJsonSchema } from '@agent-hive/agents';
import { Invalid, type FieldError } from '@agent-hive/kernel';
import { cycleIn } from '../dependency/graph.js';
import type { DefinitionDto, ProcessRequirementsDto, StepDto, SuccessCriteriaDto } from './definition.dto.js';
import { declaredNames } from './parameters.js';
import { TRIGGERS, type Trigger } from './process-run.entity.js';
import { placeholdersIn } from './template.js';

/** How many steps of a run must complete for it to succeed. */
export const SUCCESS_POLICIES = ['all', 'any'] as const;
export type SuccessPolicy = (typeof SUCCESS_POLICIES)[number];

/** What one version of a process says, with nothing left out. */
export interface Definition {
  steps: StepDto[];
  /** JSON Schema. */
  parameters: Record<string, unknown>;
  requirements: Required<ProcessRequirementsDto>;
  successCriteria: Required<SuccessCriteriaDto>;
  triggers: Trigger[];
}

/**
 * The definition that was asked for, with its defaults. Throws Invalid, with a pointer to each breach, when the parameters are
 * no JSON Schema of an object, when the steps are no DAG, or when something names what is not there.
 */
export function definitionOf({ steps, parameters = {}, requirements, successCriteria, triggers }: DefinitionDto): Definition {
  requireJsonSchema(parameters, '/parameters');
  const errors = [...parameterErrors(parameters), ...stepErrors(steps), ...placeholderErrors(steps, parameters)];
  if (errors.length > 0) throw new Invalid(errors.map((error) => `${error.pointer}: ${error.message}`).join('; '), errors);
  requireNoCycle(steps);
  return {
    steps,
    parameters,
    requirements: { capabilities: requirements?.capabilities ?? [], projectId: requirements?.projectId ?? null },
    successCriteria: { policy: successCriteria?.policy ?? 'all' },
    triggers: triggers ?? [...TRIGGERS],
  };
}

function requireNoCycle(steps: readonly StepDto[]): void {
  const cycle = cycleIn(new Map(steps.map((step) => [step.key, (step.dependsOn ?? []).map((dependency) => dependency.step)])));
  if (!cycle) return;
  const message = `these steps would wait for each other: ${[...cycle, cycle[0]].join(' -> ')}`;
  throw new Invalid(message, [{ pointer: `/steps/${steps.findIndex((step) => step.key === cycle[0])}/dependsOn`, message }], 'dependency-cycle');
}

/** What is a JSON Schema, but none of parameters. `$async` is ajv's own: it makes a check that nobody waits for, and whose failure ends the server. */
function parameterErrors(schema: Record<string, unknown>): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.type !== undefined && schema.type !== 'object') errors.push({ pointer: '/parameters/type', message: 'parameters are an object', allowed: ['object'] });
  if (Object.hasOwn(schema, '$async')) errors.push({ pointer: '/parameters/$async', message: 'is no keyword of JSON Schema' });
  return errors;
}

function stepErrors(steps: readonly StepDto[]): FieldError[] {
  const errors: FieldError[] = [];
  const position = new Map<string, number>();
  for (const [i, { key }] of steps.entries()) {
    if (position.has(key)) errors.push({ pointer: `/steps/${i}/key`, message: `step ${position.get(key)} has the key ${key} already` });
    else position.set(key, i);
  }
  for (const [i, { key, dependsOn }] of steps.entries()) {
    const seen = new Set<string>();
    for (const [at, { step }] of (dependsOn ?? []).entries()) {
      const pointer = `/steps/${i}/dependsOn/${at}/step`;
      if (step === key) errors.push({ pointer, message: 'a step cannot depend on itself' });
      else if (!position.has(step)) errors.push({ pointer, message: `there is no step ${step}` });
      else if (seen.has(step)) errors.push({ pointer, message: `names ${step} a second time` });
      seen.add(step);
    }
  }
  return errors;
}

function placeholderErrors(steps: readonly StepDto[], schema: Record<string, unknown>): FieldError[] {
  const names = declaredNames(schema);
  const used = steps.flatMap(({ title, description, input }, i) => [
    ...placeholdersIn(title, `/steps/${i}/title`),
    ...placeholdersIn(description, `/steps/${i}/description`),
    ...placeholdersIn(input, `/steps/${i}/input`),
  ]);
  return used.filter(({ name }) => !names.has(name)).map(({ name, pointer }) => ({ pointer, message: `the schema of the parameters declares no ${JSON.stringify(name)}`, allowed: [...names] }));
}
