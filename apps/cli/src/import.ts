import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { RequestRefused, withClient, type Client } from './client.js';
import { CommandFailed, FAILED, OK, type Context } from './context.js';

interface ImportOptions {
  category: string;
  json?: boolean;
}

/** What became of a file. */
type Outcome = 'created' | 'changed' | 'unchanged' | 'skipped' | 'failed';

/** How an import went. `errors` name each file that failed, and why. */
interface Result extends Record<Outcome, number> {
  files: number;
  errors: { file: string; error: string }[];
}

/** A document that the category has. */
interface Known {
  id: string;
  digest: string;
}

/** Files that are on their way at a time: the hive cuts one up while it waits for the next. */
const AT_A_TIME = 4;

const PROGRESS_EVERY_MS = 1_000;

const FORMATS: Readonly<Record<string, string>> = { '.md': 'markdown', '.markdown': 'markdown', '.mdx': 'markdown', '.json': 'json', '.txt': 'text', '.rst': 'text', '.html': 'text', '': 'text' };

/**
 * `hive knowledge import`: each file becomes a document of the category, named as its path within the directory. A file whose
 * document has the same digest is left alone, so an import that was interrupted goes on by running it again. Hidden files and
 * `node_modules` are passed over, and so are links. Exits with 1 when a file failed; the others are there.
 */
export const importDirectory = (context: Context, directory: string, { category, json }: ImportOptions): Promise<number> =>
  withClient(context, async (client) => {
    const files = await filesOf(directory);
    const known = await documentsOf(client, category);
    const result: Result = { files: files.length, created: 0, changed: 0, unchanged: 0, skipped: 0, failed: 0, errors: [] };
    const timer = setInterval(() => context.io.err(told(result)), PROGRESS_EVERY_MS);
    const waiting = [...files].reverse();
    const next = async (): Promise<void> => {
      for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) result[await importFile(client, { directory, file, category, known: known.get(file) }, result)] += 1;
    };
    try {
      await Promise.all(Array.from({ length: AT_A_TIME }, next));
    } catch (error) {
      waiting.length = 0;
      throw error;
    } finally {
      clearInterval(timer);
    }
    for (const { file, error } of json ? [] : result.errors) context.io.err(`${file}: ${error}`);
    context.io.out(json ? JSON.stringify(result, null, 2) : told(result));
    return result.failed > 0 ? FAILED : OK;
  });

/** Brings one file in. What the hive or the file system refuses is the file's failure; a hive that is away is the import's. */
async function importFile(client: Client, { directory, file, category, known }: { directory: string; file: string; category: string; known: Known | undefined }, result: Result): Promise<Outcome> {
  try {
    const bytes = await readFile(join(directory, ...file.split('/')));
    if (!isUtf8(bytes) || bytes.includes(0)) throw new CommandFailed('is no text in UTF-8');
    const content = bytes.toString('utf8');
    if (content.trim() === '') return 'skipped';
    if (known?.digest === createHash('sha256').update(bytes).digest('hex')) return 'unchanged';
    if (known) await client.request('POST', `/v1/documents/${known.id}/versions`, { content });
    else await client.request('POST', '/v1/documents', { name: file, category, format: FORMATS[extname(file).toLowerCase()] ?? 'code', content });
    return known ? 'changed' : 'created';
  } catch (error) {
    if (error instanceof CommandFailed && !(error instanceof RequestRefused) && error.cause !== undefined) throw error;
    result.errors.push({ file, error: error instanceof Error ? error.message : String(error) });
    return 'failed';
  }
}

/** Paths of the files within a directory, with `/` between their parts, in order. */
async function filesOf(directory: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) files.push(relative(directory, path).split(sep).join('/'));
    }
  };
  try {
    await walk(directory);
  } catch (error) {
    throw new CommandFailed(`Cannot read the directory ${directory}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return files.sort();
}

/** The documents that the category has, by name. */
async function documentsOf(client: Client, category: string): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: (Known & { name: string })[]; nextCursor: string | null } = await client.request('GET', `/v1/documents?limit=100&category=${encodeURIComponent(category)}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    for (const { id, name, digest } of page.items) known.set(name, { id, digest });
    cursor = page.nextCursor;
  }
  return known;
}

function told({ files, created, changed, unchanged, skipped, failed }: Result): string {
  const done = created + changed + unchanged + skipped + failed;
  return `${done} of ${files} files: ${created} new, ${changed} changed, ${unchanged} unchanged, ${skipped} empty, ${failed} failed`;
}
