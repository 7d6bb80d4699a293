import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import { EntriesService } from '@agent-hive/audit';
import { currentTenantId, decodeIdCursor, NotFound, pageOf, Refused, requireContext, Stale, transactional, type Page, type PageRequest } from '@agent-hive/kernel';
import { IdentityHooks } from '../identity.hooks.js';
import { ProjectDto, ProjectStateDto, type CreateProjectDto, type ProjectQuery, type PutProjectStateDto, type UpdateProjectDto } from './project.dto.js';
import { ProjectState } from './project-state.entity.js';
import { Project } from './project.entity.js';

/** What agents and work are grouped by, and how it came to its state. */
@Injectable()
export class ProjectsService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: IdentityHooks,
    private readonly entries: EntriesService,
  ) {}

  /** One project. Throws NotFound. */
  async get(id: string): Promise<ProjectDto> {
    return ProjectDto.of(await this.load(this.em, id));
  }

  /** A page of projects, newest first. */
  async list({ limit, cursor, total, state }: ProjectQuery): Promise<Page<ProjectDto>> {
    const before = decodeIdCursor(cursor);
    const where = { tenantId: currentTenantId(), ...(state !== undefined && { state }) };
    const projects = await this.em.find(Project, { ...where, ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const page: Page<ProjectDto> = pageOf(projects, limit, (project) => [project.id], (project) => ProjectDto.of(project));
    if (total) page.total = await this.em.count(Project, where);
    return page;
  }

  /** A new project in planning, with the first row of its history. */
  async create(input: CreateProjectDto): Promise<ProjectDto> {
    return transactional(this.em, async (em) => {
      const project = em.create(Project, { name: input.name, description: input.description ?? null, projectMetadata: input.projectMetadata ?? {}, state: 'planning' });
      this.note(em, project, null);
      await em.persist(project).flush();
      return ProjectDto.of(project);
    });
  }

  /** Changes a project that is still at the version (any, when null). Throws NotFound or Stale. */
  async update(id: string, input: UpdateProjectDto, version: number | null): Promise<ProjectDto> {
    return transactional(this.em, async (em) => {
      const project = await this.lock(em, id, version);
      const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
      wrap(project).assign({ ...given, updatedAt: new Date() }, { mergeObjectProperties: false });
      await em.flush();
      return ProjectDto.of(project);
    });
  }

  /** Moves a project to a state that may follow, with a row of its history. Throws NotFound, Stale, or Refused naming what may follow. */
  async move(id: string, { state, reason }: PutProjectStateDto, version: number | null | undefined): Promise<ProjectDto> {
    return transactional(this.em, async (em) => {
      const project = await this.lock(em, id, version ?? null);
      project.moveTo(state);
      this.note(em, project, reason ?? null);
      await em.flush();
      return ProjectDto.of(project);
    });
  }

  /** A page of a project's history, newest first. Throws NotFound. */
  async listStates(id: string, { limit, cursor, total }: PageRequest): Promise<Page<ProjectStateDto>> {
    const project = await this.load(this.em, id);
    const before = decodeIdCursor(cursor);
    const where = { tenantId: currentTenantId(), project };
    const changes = await this.em.find(ProjectState, { ...where, ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const page: Page<ProjectStateDto> = pageOf(changes, limit, (change) => [change.id], (change) => ProjectStateDto.of(change));
    if (total) page.total = await this.em.count(ProjectState, where);
    return page;
  }

  /** Deletes a project with its history. Throws NotFound, Stale, or Refused with the counts of what refers to it. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      const project = await this.lock(em, id, version);
      const references = (await this.hooks.projectReferences.run(em, id)).filter((r) => r.count > 0);
      if (references.length > 0) {
        const counts = Object.fromEntries(references.map((r) => [r.table, r.count]));
        throw new Refused(`project ${id} is referred to by ${references.map((r) => `${r.count} rows of ${r.table}`).join(' and ')}`, 'in-use', { counts });
      }
      const counts = { 'identity.project_state': await em.count(ProjectState, { tenantId: currentTenantId(), project }) };
      await em.remove(project).flush();
      await this.entries.record({ action: 'project.cascaded', subjectType: 'project', subjectId: id, details: { counts } });
    });
  }

  private note(em: EntityManager, project: Project, reason: string | null): void {
    em.persist(em.create(ProjectState, { project, state: project.state, reason, transitionedBy: requireContext().principal.actor.id, transitionedAt: new Date() }));
  }

  private async load(em: EntityManager, id: string, options: { lockMode?: LockMode.PESSIMISTIC_WRITE } = {}): Promise<Project> {
    const project = await em.findOne(Project, { tenantId: currentTenantId(), id }, options);
    if (!project) throw new NotFound('project', id);
    return project;
  }

  /** Locked until the transaction ends, so that writers who do not ask for a version take turns. */
  private async lock(em: EntityManager, id: string, version: number | null): Promise<Project> {
    const project = await this.load(em, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (version !== null && project.version !== version) throw new Stale('project', id);
    return project;
  }
}
