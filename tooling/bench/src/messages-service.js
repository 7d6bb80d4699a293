import { built } from './built.js';
import { messageWork } from './messages-loops.js';
import { LATEST, MESSAGE, messagesOf } from './messages-world.js';
import { openHiveHere } from './tasks-world.js';

const { runAs, servicePrincipal } = await built('packages/kernel/dist/index.js');
const { MessagesService } = await built('packages/communication/dist/index.js');

/** The service of the hive, called as its controller calls it: each call a unit of work of its own. */
export async function open({ url, poolMax, world, crowd }) {
  const hive = await openHiveHere(url, world.key, poolMax);
  const messages = hive.app.get(MessagesService, { strict: false });
  const caller = servicePrincipal(world.tenantId, 'bench');
  const call = (use) => runAs(hive.orm.em, caller, use);
  return messageWork({
    ...messagesOf(url, crowd),
    latestCount: LATEST,
    append: (session) => call(() => messages.append(session, MESSAGE)),
    latest: async (session) => (await call(() => messages.list(session, { limit: LATEST }))).items.length,
    close: () => hive.close(),
  });
}
