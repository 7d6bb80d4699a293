import type { DomainMigration } from '@agent-hive/kernel';
import { Migration20261124194346_knowledge_tables } from './Migration20261124194346_knowledge_tables.js';
import { Migration20261124194500_search } from './Migration20261124194500_search.js';
import { Migration20261124233000_ranking } from './Migration20261124233000_ranking.js';
import { Migration20261125010000_nearest } from './Migration20261125010000_nearest.js';
import { Migration20261130190000_vectors_of_items } from './Migration20261130190000_vectors_of_items.js';
import { Migration20261130203019_surer_graph } from './Migration20261130203019_surer_graph.js';
import { Migration20261130214520_guesses } from './Migration20261130214520_guesses.js';

export const migrations: DomainMigration[] = [
  { name: 'Migration20261124194346_knowledge_tables', class: Migration20261124194346_knowledge_tables },
  { name: 'Migration20261124194500_search', class: Migration20261124194500_search },
  { name: 'Migration20261124233000_ranking', class: Migration20261124233000_ranking },
  { name: 'Migration20261125010000_nearest', class: Migration20261125010000_nearest },
  { name: 'Migration20261130190000_vectors_of_items', class: Migration20261130190000_vectors_of_items },
  { name: 'Migration20261130203019_surer_graph', class: Migration20261130203019_surer_graph },
  { name: 'Migration20261130214520_guesses', class: Migration20261130214520_guesses },
];
