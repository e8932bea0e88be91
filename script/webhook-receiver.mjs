// A receiver of webhooks for tests. It verifies every signature with the npm package standardwebhooks and every
// body with ajv against the schemas that the server tells, and fails as the path says:
//   /fine…  answers 200     /flaky…  now and then 500, or cut off     /slow…  never answers     /gone  410
// POST /-/trust/NAME (body: a secret) adds a secret for the path /NAME, POST /-/schemas the catalogue of events,
// GET /-/seen/NAME says what came there, in order. Arguments are certificates and keys, in pairs of files: the same is
// behind each of them, on a port of its own.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import Ajv from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { Webhook } from 'standardwebhooks';

const secrets = new Map();
const seen = new Map();
const schemas = new Map();
let calls = 0;

const list = (map, name) => map.get(name) ?? map.set(name, []).get(name);

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function complaint(name, headers, body) {
  const verified = list(secrets, name).map((secret) => {
    try {
      return new Webhook(secret).verify(body, headers);
    } catch (error) {
      return null;
    }
  });
  if (!verified.some(Boolean)) return 'no signature is right';
  const event = JSON.parse(body);
  if (event.id !== headers['webhook-id']) return 'the id is another one';
  if (event.type === 'webhook.test') return null;
  const valid = schemas.get(event.type);
  if (!valid) return `there is no schema for ${event.type}`;
  return valid(event) ? null : JSON.stringify(valid.errors);
}

function command(path, body) {
  const [, , what, name] = path.split('/');
  if (what === 'trust') list(secrets, name).push(body);
  if (what === 'schemas') {
    const ajv = formats(new Ajv({ strict: true }));
    for (const { type, schema } of JSON.parse(body).items) schemas.set(type, ajv.compile(schema));
  }
  return what === 'seen' ? list(seen, name) : {};
}

async function answer(request, response) {
  const body = await read(request);
  if (request.url.startsWith('/-/')) {
    response.end(JSON.stringify(command(request.url, body)));
    return;
  }
  const name = request.url.slice(1);
  const wrong = complaint(name, request.headers, body);
  const signatures = (request.headers['webhook-signature'] ?? '').split(' ').length;
  calls += 1;
  const fails = name.startsWith('flaky') && calls % 3 === 0;
  const answers = !fails && !name.startsWith('slow');
  list(seen, name).push({ id: request.headers['webhook-id'], event: JSON.parse(body), wrong, signatures, arrived: answers });
  if (name.startsWith('slow')) return;
  if (fails && calls % 2 === 0) {
    request.socket.destroy();
    return;
  }
  response.statusCode = name === 'gone' ? 410 : fails ? 500 : 200;
  response.end(fails ? 'not now' : 'thank you');
}

function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${server.address().port}`));
  });
}

const addresses = [await listen(http.createServer(answer))];
for (let at = 2; at + 1 < process.argv.length; at += 2) {
  const [cert, key] = process.argv.slice(at, at + 2).map((path) => readFileSync(path));
  addresses.push(await listen(https.createServer({ cert, key }, answer)));
}
console.log(addresses.join(' '));
