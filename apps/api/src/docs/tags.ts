/** What each group of operations is about, in the order of the documentation. */
export const TAGS: Readonly<Record<string, string>> = {
  identity: 'Who calls: tenants, users, roles, API keys, projects, preferences, and issuers of tokens.',
  agents: 'Who the agents are, what they can do, whether they are there, and which of them fits a piece of work.',
  instructions: 'What an agent is told: instructions with capabilities, knowledge domains and prompt templates, in versions.',
  tools: 'Tools that agents may be granted, and the grants.',
  'mcp-servers': 'MCP servers, and which agents use them.',
  tasks: 'Work: tasks in trees and with dependencies, claims under leases, queues and history.',
  interactions: 'What agents ask of people: questions, decisions, and approvals that are bound to an action and used once.',
  processes: 'Work that is done again and again: definitions, and their runs.',
  schedules: 'Times at which a process or a task is started: cron expressions in time zones.',
  sessions: 'Conversations of agents and users: their state, context and end, and what a new one takes over from an earlier one.',
  messages: 'What is said in sessions: appended in order, streamed, searched, judged, and redacted with a proof left behind.',
  mail: 'What agents tell each other: messages to one, to a topic or to all, delivered at least once, with acknowledgements, dead letters and reports.',
  notifications: 'What users and agents should know of, and whether they have read it.',
  knowledge: 'What the hive knows: documents in versions, memories of agents and users, embeddings, search, and how what was found did.',
  audit: 'The record: every change and every action, by whom, when, from where. Entries are only ever added.',
  health: 'Whether the process runs and should get requests, and its metrics. Needs no key.',
};
