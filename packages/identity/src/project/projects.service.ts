import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, NotFound, pageOf, Refused, requireContext, transactional, type Page, type PageRequest } from '@agent-hive/kernel';
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
  ) {}

  /** One project. Throws NotFound. */
  async get(id: string): Promise<ProjectDto> {
    return ProjectDto.of(await this.load(this.em, id, null));
  }

  /** A page of projects, newest first. */
  async list({ limit, cursor, state }: ProjectQuery): Promise<Page<ProjectDto>> {
    const before = decodeIdCursor(cursor);
    const where = { tenantId: currentTenantId(), ...(state !== undefined && { state }), ...(before !== undefined && { id: { $lt: before } }) };
    const projects = await this.em.find(Project, where, { orderBy: { id: 'desc' }, limit: limit + 1 });
    return pageOf(projects, limit, (project) => [project.id], (project) => ProjectDto.of(project));
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
      const project = await this.load(em, id, version);
      const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
      wrap(project).assign({ ...given, updatedAt: new Date() }, { mergeObjectProperties: false });
      await em.flush();
      return ProjectDto.of(project);
    });
  }

  /** Moves a project to a state that may follow, with a row of its history. Throws NotFound, Stale, or Refused naming what may follow. */
  async move(id: string, { state, reason }: PutProjectStateDto, version: number | null | undefined): Promise<ProjectDto> {
    return transactional(this.em, async (em) => {
      const project = await this.load(em, id, version ?? null);
      project.moveTo(state);
      this.note(em, project, reason ?? null);
      await em.flush();
      return ProjectDto.of(project);
    });
  }

  /** A page of a project's history, newest first. Throws NotFound. */
  async listStates(id: string, { limit, cursor }: PageRequest): Promise<Page<ProjectStateDto>> {
    const project = await this.load(this.em, id, null);
    const before = decodeIdCursor(cursor);
    const where = { tenantId: currentTenantId(), project, ...(before !== undefined && { id: { $lt: before } }) };
    const changes = await this.em.find(ProjectState, where, { orderBy: { id: 'desc' }, limit: limit + 1 });
    return pageOf(changes, limit, (change) => [change.id], (change) => ProjectStateDto.of(change));
  }

  /** Deletes a project with its history. Throws NotFound, Stale, or Refused with the counts of what refers to it. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      const project = await this.load(em, id, version);
      const references = (await this.hooks.projectReferences.run(em, id)).filter((r) => r.count > 0);
      if (references.length > 0) {
        const counts = Object.fromEntries(references.map((r) => [r.table, r.count]));
        throw new Refused(`project ${id} is referred to by ${references.map((r) => `${r.count} rows of ${r.table}`).join(' and ')}`, 'in-use', { counts });
      }
      await em.remove(project).flush();
    });
  }

  private note(em: EntityManager, project: Project, reason: string | null): void {
    em.persist(em.create(ProjectState, { project, state: project.state, reason, transitionedBy: requireContext().principal.actor.id, transitionedAt: new Date() }));
  }

  private async load(em: EntityManager, id: string, version: number | null): Promise<Project> {
    const project = await em.findOne(Project, { tenantId: currentTenantId(), id }, version === null ? {} : { lockMode: LockMode.OPTIMISTIC, lockVersion: version });
    if (!project) throw new NotFound('project', id);
    return project;
  }
}
