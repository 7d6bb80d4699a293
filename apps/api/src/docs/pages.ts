import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Files of Swagger UI that the page uses; the rest of its package, its telemetry-free but remote-minded examples included, is not served. */
const FILES = new Set(['/swagger-ui.css', '/swagger-ui-bundle.js', '/favicon-32x32.png']);
const DAY_SECONDS = 86_400;

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Agent Hive API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="docs"></div>
    <noscript>The document itself: <a href="/openapi.json">/openapi.json</a></noscript>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/page.js"></script>
  </body>
</html>
`;

// Without validatorUrl: null the UI sends the document's address to a validator on the Internet.
const SCRIPT = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  validatorUrl: null,
  docExpansion: 'none',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
});
`;

/** Nothing but this server: no other origin, no inline script. Swagger UI sets styles on elements and has its icons inline. */
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/** Serves the documentation from local files, and the document itself, which is made when it is first asked for. */
export async function serveDocs(fastify: FastifyInstance, document: () => object): Promise<void> {
  let text: string | undefined;
  fastify.get('/openapi.json', (_request, reply) => secure(reply).type('application/json').send((text ??= JSON.stringify(document()))));
  fastify.get('/docs', (_request, reply) => secure(reply).type('text/html; charset=utf-8').send(PAGE));
  fastify.get('/docs/page.js', (_request, reply) => secure(reply).type('text/javascript; charset=utf-8').send(SCRIPT));
  await fastify.register(fastifyStatic, {
    root: dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json')),
    prefix: '/docs/',
    allowedPath: (path) => FILES.has(path),
    index: false,
    decorateReply: false,
    maxAge: DAY_SECONDS * 1000,
    setHeaders: (reply) => void reply.header('x-content-type-options', 'nosniff'),
  });
}

const secure = (reply: FastifyReply): FastifyReply => reply.header('content-security-policy', POLICY).header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
