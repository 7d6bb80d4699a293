import type { Rule } from '../rule.ts';
import { bannedNames } from './banned-names.ts';
import { decisionRecords } from './decision-records.ts';
import { declaredEdges } from './declared-edges.ts';
import { docComments } from './doc-comments.ts';
import { documentedConfiguration } from './documented-configuration.ts';
import { entitiesKnowNoNest } from './entities-know-no-nest.ts';
import { environmentReads } from './environment-reads.ts';
import { erasedInjection } from './erased-injection.ts';
import { fileSize } from './file-size.ts';
import { fileSuffixes } from './file-suffixes.ts';
import { foreignWrites } from './foreign-writes.ts';
import { functionSize } from './function-size.ts';
import { importedEdges } from './imported-edges.ts';
import { indexSurface } from './index-surface.ts';
import { internalLinks } from './internal-links.ts';
import { kernelSize } from './kernel-size.ts';
import { leftoverCode } from './leftover-code.ts';
import { leftoverComments } from './leftover-comments.ts';
import { machinePaths } from './machine-paths.ts';
import { packageReadme } from './package-readme.ts';
import { readmeSize } from './readme-size.ts';
import { singleCopies } from './single-copies.ts';
import { skippedTests } from './skipped-tests.ts';
import { swallowedErrors } from './swallowed-errors.ts';
import { writesAroundTheRecord } from './writes-around-the-record.ts';

/** Every rule, in the order of the style guide. */
export const rules: readonly Rule[] = [
  declaredEdges, importedEdges, singleCopies,
  fileSuffixes, bannedNames, indexSurface,
  fileSize, functionSize, kernelSize, readmeSize,
  entitiesKnowNoNest, foreignWrites, writesAroundTheRecord, erasedInjection,
  leftoverComments, leftoverCode, skippedTests, swallowedErrors, machinePaths,
  docComments, environmentReads, documentedConfiguration, internalLinks, packageReadme, decisionRecords,
];
