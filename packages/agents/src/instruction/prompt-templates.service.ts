import { Injectable } from '@nestjs/common';
import { EntityManager, type FilterQuery } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, Invalid, NotFound, pageOf, tenantSql, transactional, type Page } from '@agent-hive/kernel';
import { requireDistinct } from './distinct-names.js';
import type { Instruction } from './instruction.entity.js';
import { InstructionsService } from './instructions.service.js';
import { PromptTemplateDto, type PromptTemplateQuery, type PromptTemplatesDto, type PromptTemplateVersionDto, type PutPromptTemplatesDto } from './prompt-template.dto.js';
import { PromptTemplate } from './prompt-template.entity.js';
import { selectLatestVersions } from './prompt-template.sql.js';

type NewVersion = Pick<PromptTemplate, 'templateName' | 'templateContent' | 'contextParameters' | 'restoredFromVersion'>;

/**
 * The texts that agents are prompted with. A changed text is a new version; versions stay as they are. Every writer holds
 * the lock of the instruction, so no version is made twice and one version of a name is active.
 */
@Injectable()
export class PromptTemplatesService {
  constructor(
    private readonly em: EntityManager,
    private readonly instructions: InstructionsService,
  ) {}

  /** A page of the active versions by name, served by prompt_template_active_unique. Throws NotFound on the agent, Refused when it has no instruction. */
  async list(agentId: string, query: PromptTemplateQuery): Promise<Page<PromptTemplateDto>> {
    const where = { tenantId: currentTenantId(), instruction: await this.instructions.require(this.em, agentId), isActive: true };
    const after = decodeCursor(query.cursor, 1)?.[0];
    const keyset = after === undefined ? where : { ...where, templateName: { $gt: String(after) } };
    const found = await this.em.find(PromptTemplate, keyset, { orderBy: { templateName: 'asc' }, limit: query.limit + 1 });
    return this.page(found, query, (template) => template.templateName, where);
  }

  /** A page of the versions of one template, newest first, served by prompt_template_version_unique. Throws NotFound or Refused. */
  async listVersions(agentId: string, templateName: string, query: PromptTemplateQuery): Promise<Page<PromptTemplateDto>> {
    const where = { tenantId: currentTenantId(), instruction: await this.instructions.require(this.em, agentId), templateName };
    const after = decodeCursor(query.cursor, 1)?.[0];
    const keyset = after === undefined ? where : { ...where, templateVersion: { $lt: requireVersion(after) } };
    const found = await this.em.find(PromptTemplate, keyset, { orderBy: { templateVersion: 'desc' }, limit: query.limit + 1 });
    if (found.length === 0 && (await this.em.count(PromptTemplate, where)) === 0) throw new NotFound('prompt template', templateName);
    return this.page(found, query, (template) => template.templateVersion, where);
  }

  /** Makes a new active version of each template whose text or parameters differ from the active one. Throws Invalid on a name twice, NotFound or Refused. */
  async upsert(agentId: string, { items }: PutPromptTemplatesDto): Promise<PromptTemplatesDto> {
    requireDistinct(items, 'templateName');
    return transactional(this.em, async (em) => {
      const instruction = await this.instructions.lock(em, agentId);
      const active = await this.active(em, instruction, items.map((item) => item.templateName));
      const changed = items
        .map(({ templateName, templateContent, contextParameters = {} }) => ({ templateName, templateContent, contextParameters, restoredFromVersion: null }))
        .filter((item) => !active.get(item.templateName)?.says(item.templateContent, item.contextParameters));
      for (const made of await this.add(em, instruction, changed, active)) active.set(made.templateName, made);
      return { items: items.map((item) => PromptTemplateDto.of(active.get(item.templateName)!)) };
    });
  }

  /** Makes an existing version the active one. Throws NotFound or Refused. */
  async activate(agentId: string, templateName: string, { templateVersion }: PromptTemplateVersionDto): Promise<PromptTemplateDto> {
    return transactional(this.em, async (em) => {
      const instruction = await this.instructions.lock(em, agentId);
      const target = await this.version(em, instruction, templateName, templateVersion);
      if (target.isActive) return PromptTemplateDto.of(target);
      await this.retire(em, await this.active(em, instruction, [templateName]));
      target.isActive = true;
      await em.flush();
      return PromptTemplateDto.of(target);
    });
  }

  /** Makes a new active version that has the text of an earlier one. Throws NotFound or Refused. */
  async rollBack(agentId: string, templateName: string, { templateVersion }: PromptTemplateVersionDto): Promise<PromptTemplateDto> {
    return transactional(this.em, async (em) => {
      const instruction = await this.instructions.lock(em, agentId);
      const { templateContent, contextParameters } = await this.version(em, instruction, templateName, templateVersion);
      const restored = { templateName, templateContent, contextParameters, restoredFromVersion: templateVersion };
      const [made] = await this.add(em, instruction, [restored], await this.active(em, instruction, [templateName]));
      return PromptTemplateDto.of(made!);
    });
  }

  private async add(em: EntityManager, instruction: Instruction, versions: NewVersion[], active: Map<string, PromptTemplate>): Promise<PromptTemplate[]> {
    if (versions.length === 0) return [];
    const names = versions.map((version) => version.templateName);
    const latest = await tenantSql(em, (db) => selectLatestVersions(db, instruction.id, names));
    await this.retire(em, new Map(names.flatMap((name) => (active.has(name) ? [[name, active.get(name)!]] : []))));
    const made = versions.map((version) =>
      em.create(PromptTemplate, { ...version, instruction, templateVersion: (latest.get(version.templateName) ?? 0) + 1, isActive: true }),
    );
    await em.flush();
    return made;
  }

  /** Written before its successor: the unit of work inserts first, and the index allows one active version at a time. */
  private async retire(em: EntityManager, active: Map<string, PromptTemplate>): Promise<void> {
    for (const template of active.values()) template.isActive = false;
    await em.flush();
  }

  private async active(em: EntityManager, instruction: Instruction, names: string[]): Promise<Map<string, PromptTemplate>> {
    const found = await em.find(PromptTemplate, { tenantId: currentTenantId(), instruction, templateName: { $in: names }, isActive: true });
    return new Map(found.map((template) => [template.templateName, template]));
  }

  private async version(em: EntityManager, instruction: Instruction, templateName: string, templateVersion: number): Promise<PromptTemplate> {
    const found = await em.findOne(PromptTemplate, { tenantId: currentTenantId(), instruction, templateName, templateVersion });
    if (!found) throw new NotFound('prompt template version', `${templateName}/${templateVersion}`);
    return found;
  }

  private async page(found: PromptTemplate[], query: PromptTemplateQuery, key: (template: PromptTemplate) => string | number, all: FilterQuery<PromptTemplate>) {
    const page: Page<PromptTemplateDto> = pageOf(found, query.limit, (template) => [key(template)], (template) => PromptTemplateDto.of(template));
    if (query.total) page.total = await this.em.count(PromptTemplate, all);
    return page;
  }
}

/** The version inside a cursor. */
function requireVersion(key: string | number): number {
  if (Number.isInteger(key)) return key as number;
  throw new Invalid('cursor is not one that this list gave out', [{ pointer: '/cursor', message: 'must be the nextCursor of an earlier page' }]);
}
