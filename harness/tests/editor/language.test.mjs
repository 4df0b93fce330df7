// What an editor shows of scenario and protocol files: the YAML language server is started as editors do, given the
// schema of `roundtable schema --with`, and asked for completions, hover texts and diagnostics.
//
// ROUNDTABLE is the program. `scripts/test-editor` runs this.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const rpc = require('vscode-jsonrpc/node');

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'roundtable-editor-'));
const schema = join(folder, 'schema.json');
const waiting = new Map();
let server;
let connection;
let count = 0;

before(async () => {
  const protocols = readdirSync(join(root, 'scenarios/protocols')).map((name) => join('scenarios/protocols', name));
  const text = execFileSync(process.env.ROUNDTABLE, ['schema', '--with', ...protocols], { cwd: root, maxBuffer: 1 << 26 });
  writeFileSync(schema, text);
  server = spawn(process.execPath, [join(here, 'node_modules/yaml-language-server/bin/yaml-language-server'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(server.stdout),
    new rpc.StreamMessageWriter(server.stdin),
  );
  connection.onRequest('workspace/configuration', ({ items }) => items.map(() => ({})));
  connection.onRequest('client/registerCapability', () => null);
  connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics: found }) => {
    waiting.get(uri)?.(found);
  });
  connection.listen();
  await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: {
      textDocument: {
        completion: { completionItem: { snippetSupport: true, documentationFormat: ['markdown'] } },
        hover: { contentFormat: ['markdown'] },
      },
      workspace: { configuration: true },
    },
  });
  connection.sendNotification('initialized', {});
  connection.sendNotification('workspace/didChangeConfiguration', {
    settings: { yaml: { completion: true, hover: true, validate: true } },
  });
});

after(() => {
  connection?.dispose();
  server?.kill();
  rmSync(folder, { recursive: true, force: true });
});

// Opens a text with the line that names the schema; `‸` is where the cursor stands.
function open(text) {
  const whole = `# yaml-language-server: $schema=${pathToFileURL(schema)}\n${text}`;
  const at = whole.indexOf('‸');
  const lines = whole.slice(0, at).split('\n');
  const uri = pathToFileURL(join(folder, `file_${(count += 1)}.yaml`)).href;
  const told = new Promise((done) => waiting.set(uri, done));
  connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri, languageId: 'yaml', version: 1, text: whole.replace('‸', '') },
  });
  return { uri, told, position: { line: lines.length - 1, character: lines.at(-1).length } };
}

async function offered(text) {
  const { uri, position } = open(text);
  const { items } = await connection.sendRequest('textDocument/completion', { textDocument: { uri }, position });
  return new Map(items.map((item) => [item.label, item.documentation?.value ?? item.documentation ?? '']));
}

async function hover(text) {
  const { uri, position } = open(text);
  const shown = await connection.sendRequest('textDocument/hover', { textDocument: { uri }, position });
  return shown?.contents.value ?? '';
}

const head = 'scenario: A title\nuse: chat\nparticipants:\n  alice: {}\nsteps:\n';

for (const [what, text, labels] of [
  ['keys of a scenario file', 'scenario: A title\n‸\n', ['participants', 'steps', 'examples', 'quarantine', 'timeout']],
  ['keys of a protocol file', 'protocol: rooms\n‸\n', ['verbs', 'barrier', 'include', 'streams']],
  ['keys of a participant', 'scenario: A title\nparticipants:\n  alice:\n    ‸\n', ['name', 'count', 'identity', 'use']],
  ['controls', `${head}  - ‸\n`, ['parallel', 'race', 'repeat', 'for_each', 'snapshot', 'check', 'race of a group']],
  ['actions and verbs', `${head}  - alice:\n      ‸\n`, ['get', 'connect', 'receive', 'say', 'sees_joined']],
  ['bare verbs', `${head}  - alice: ‸\n`, ['join', 'enter', 'drop']],
  ['what stands beside a request', `${head}  - alice:\n      post: /x\n      ‸\n`, ['status', 'json', 'expect', 'capture']],
  ['a verb’s parameters', `${head}  - alice:\n      create:\n        ‸\n`, ['title', 'others', 'enable_ai']],
  ['matchers', `${head}  - alice:\n      receive:\n        text:\n          $‸\n`, ['$regex', '$contains', '$unordered']],
  ['keys of a race', `${head}  - race:\n      ‸\n`, ['of', 'do', 'outcomes']],
  ['names in a snapshot', `${head}  - snapshot: x\n    without:\n      - ‸\n`, ['messages', 'conversation', 'typing']],
  ['kinds of barriers', 'protocol: rooms\nbarrier:\n  ‸\n', ['echo', 'marker', 'get']],
  ['keys of a barrier', 'protocol: rooms\nbarrier:\n  get:\n    ‸\n', ['get', 'offset', 'frame', 'passed', 'answers']],
  ['keys of acks', 'protocol: rooms\nstreams:\n  talk:\n    acks:\n      ‸\n', ['frame', 'repeated', 'client_id']],
  ['keys of a quarantine', 'scenario: A title\nquarantine:\n  ‸\n', ['issue', 'until']],
]) {
  test(`offers ${what}`, async () => {
    const found = await offered(text);
    const missing = labels.filter((label) => !found.has(label));
    assert.deepEqual(missing, [], `offered were ${[...found.keys()].join(', ')}`);
  });
}

for (const [what, text, parts] of [
  ['a key of a scenario file', 'scena‸rio: A title\n', ['The scenario\'s title', 'scenario: Two people talk']],
  ['an action', `${head}  - alice:\n      pos‸t: /x\n`, ['An HTTP POST.', 'post: /things']],
  ['a word beside an action', `${head}  - alice:\n      post: /x\n      stat‸us: 201\n`, ['any of 200 to 299', 'status: 201']],
  ['a control', `${head}  - rep‸eat: 3\n    steps: []\n`, ['this many times', 'repeat: 3']],
  ['a verb', `${head}  - alice: { sa‸y: hello }\n`, ['Sends a message and awaits its ack.', 'last_seq', 'alice: { say: text }']],
  ['a verb’s parameter', `${head}  - alice:\n      create:\n        tit‸le: x\n`, ['The default is `"Talk"`']],
  ['a matcher', `${head}  - alice:\n      receive:\n        text: { $reg‸ex: x }\n`, ['regular expression']],
  ['a key of a barrier', 'protocol: rooms\nbarrier:\n  echo:\n    sen‸d: { type: ping }\n', ['The frame that is sent; `marker` is a unique value.']],
]) {
  test(`says what ${what} means`, async () => {
    const shown = await hover(text);
    const missing = parts.filter((part) => !shown.includes(part));
    assert.deepEqual(missing, [], shown);
  });
}

test('underlines a misspelt word', async () => {
  const { told } = open(`${head}  - alice: { post: /x, stats: 201 }\n`);
  assert.ok((await told).length > 0);
});

test('has nothing against the files of this repository', async () => {
  const below = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? below(path) : path.endsWith('.yaml') ? [path] : [];
    });
  const files = below(join(root, 'scenarios'));
  assert.ok(files.length > 100, `only ${files.length} files were found`);
  const told = files.map(async (file) => {
    const found = await open(readFileSync(file, 'utf8')).told;
    return found.map((one) => `${file}:${one.range.start.line}: ${one.message}`);
  });
  assert.deepEqual((await Promise.all(told)).flat(), []);
});
