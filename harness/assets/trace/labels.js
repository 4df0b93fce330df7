// Short words for what happened. Nothing is known of the protocol: the field that tells frames apart, and the fields that
// are worth a look, are found by how their values vary.

const names = new Map((result?.people ?? []).map((person) => [person.id, person.key]));
const parsedTexts = new Map();

/** A text as JSON; undefined where it is none. */
function parsed(x) {
  if (x === undefined) return undefined;
  if (!parsedTexts.has(x)) {
    let value;
    try {
      value = JSON.parse(data.texts[x]);
    } catch {
      value = undefined;
    }
    parsedTexts.set(x, value);
  }
  return parsedTexts.get(x);
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isFrame = (item) => item.k === 'sent' || item.k === 'received';
const isExchange = (item) => item.k === 'request' || item.k === 'answer';

/** The top-level field whose few words tell frames apart. */
const kindField = (() => {
  const sample = [];
  const seen = new Set();
  const every = Math.max(1, Math.floor(model.items.length / 3000));
  for (let i = 0; i < model.items.length && sample.length < 600; i += every) {
    const item = model.items[i];
    if (!isFrame(item) || seen.has(item.x)) continue;
    seen.add(item.x);
    const value = parsed(item.x);
    if (isObject(value)) sample.push(value);
  }
  const usual = ['type', 'event', 'kind', 'op', 'action', 't', 'method', 'cmd', 'command', 'topic', 'name'];
  const fields = new Map();
  for (const frame of sample) {
    for (const [field, value] of Object.entries(frame)) {
      if (typeof value !== 'string' && typeof value !== 'number') continue;
      const known = fields.get(field) ?? { count: 0, values: new Set(), words: 0 };
      known.count += 1;
      known.values.add(value);
      known.words += typeof value === 'string' && /^[\w.:/-]{1,40}$/.test(value) ? 1 : 0;
      fields.set(field, known);
    }
  }
  let best;
  for (const [field, { count, values, words }] of fields) {
    const place = usual.indexOf(field);
    const cover = count / sample.length;
    const few = values.size <= Math.max(3, sample.length / 3);
    if (place < 0 && (!few || words < count * 0.9 || cover < 0.8)) continue;
    const score = cover * 2 + (place < 0 ? 0 : 2 - place * 0.1) - values.size / (sample.length + 1);
    if (cover >= 0.3 && (!best || score > best.score)) best = { field, score };
  }
  return best?.field;
})();

function frameKind(value) {
  if (!isObject(value)) return value === undefined ? 'text' : Array.isArray(value) ? 'list' : typeof value;
  const kind = kindField === undefined ? undefined : value[kindField];
  if (typeof kind === 'string' || typeof kind === 'number') return String(kind);
  const keys = Object.keys(value);
  return keys.length === 1 && isObject(value[keys[0]]) ? keys[0] : `{${keys.slice(0, 3).join(', ')}${keys.length > 3 ? ', …' : ''}}`;
}

const kindsOfTexts = new Map();
/** What an item is called in the filter of types. */
function kindOf(item) {
  if (isExchange(item)) return 'HTTP';
  if (item.k === 'open' || item.k === 'close') return 'connection';
  if (!isFrame(item)) return item.k;
  if (item.x === undefined) return 'empty';
  if (!kindsOfTexts.has(item.x)) kindsOfTexts.set(item.x, frameKind(parsed(item.x)));
  return kindsOfTexts.get(item.x);
}

/** The scalars of a value, each with its path, not too deep. */
function scalars(value, path = '', depth = 0, found = []) {
  if (isObject(value)) {
    for (const [field, inner] of Object.entries(value)) {
      if (depth < 3) scalars(inner, path ? `${path}.${field}` : field, depth + 1, found);
    }
  } else if (Array.isArray(value)) {
    if (path) found.push([`${path}.length`, value.length]);
  } else if (path && value !== null && value !== '') {
    found.push([path, value]);
  }
  return found;
}

/** The paths that are worth a place in the labels of a kind of frames. */
const tellingPaths = (() => {
  const kinds = new Map();
  const seen = new Set();
  for (const item of model.items) {
    if (!isFrame(item) || item.x === undefined || seen.has(item.x)) continue;
    seen.add(item.x);
    const kind = kindOf(item);
    const paths = kinds.get(kind) ?? { frames: 0, paths: new Map() };
    kinds.set(kind, paths);
    if (paths.frames >= 60) continue;
    paths.frames += 1;
    for (const [path, value] of scalars(parsed(item.x))) {
      const known = paths.paths.get(path) ?? { count: 0, values: new Set(), length: 0, sample: value };
      known.count += 1;
      known.values.add(value);
      known.length += String(value).length;
      paths.paths.set(path, known);
    }
  }
  const telling = new Map();
  for (const [kind, { frames, paths }] of kinds) {
    const scored = [];
    for (const [path, { count, values, length, sample }] of paths) {
      const name = path.split('.').at(-1).toLowerCase();
      const depth = path.split('.').length;
      if (path === kindField) continue;
      let score = values.size > 1 ? 2 : -1;
      if (/^(text|content|body|message|msg|title|name|value|data)$/.test(name)) score += 3;
      if (/(error|reason|code|status|action|state)$/.test(name)) score += 2.5;
      if (/(^|_)(seq|sequence|order|position|index|number|no|count|round|version|from|to|after)(_?id)?$/.test(name)) score += 2;
      if (/(name|user|player|sender|author|member|who)$/.test(name)) score += 1;
      if (/(^ts$|time|timestamp|date|_at|at)$/i.test(name) && !/^(what|format|chat)$/.test(name)) score -= 4;
      if (/(^|_)id$|Id$/.test(path.split('.').at(-1)) && typeof sample === 'string' && !names.has(sample)) score -= 2;
      if (typeof sample === 'string' && /^[0-9a-f]{8}-|^[0-9a-f]{16,}$|^\d{4}-\d\d-\d\dT/i.test(sample)) score -= 4;
      if (name === 'length') score -= 1.5;
      score -= depth * 0.3 + (length / count > 60 ? 0.5 : 0) + (count < frames ? 0.3 : 0);
      scored.push({ path, score });
    }
    scored.sort((a, b) => b.score - a.score);
    telling.set(kind, scored.filter(({ score }) => score > 0).slice(0, 3).map(({ path }) => path));
  }
  return telling;
})();

function short(text, most) {
  const clean = String(text).replace(/\s+/g, ' ');
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}

function at(value, path) {
  for (const field of path.split('.')) value = value?.[field];
  return value;
}

function frameFields(item) {
  const value = parsed(item.x);
  if (!isObject(value)) return short(data.texts[item.x] ?? '', 48);
  const parts = [];
  for (const path of tellingPaths.get(kindOf(item)) ?? []) {
    const found = at(value, path);
    if (found === undefined || found === null || found === '' || typeof found === 'object') continue;
    const field = path.split('.').at(-1);
    const known = names.get(found);
    if (known) parts.push(known);
    else if (typeof found === 'string') parts.push(/\s|^(text|content|body|message)$/.test(`${found}`) || /text|content|body|message|title/.test(field) ? `“${short(found, 32)}”` : short(found, 28));
    else parts.push(`${field === 'length' ? path.split('.').at(-2) : field} ${found}`);
  }
  return parts.join(' · ');
}

const labels = new Map();
/** The label of an item: what it is, and what matters of it. */
function labelOf(item) {
  if (!labels.has(item.i)) labels.set(item.i, makeLabel(item));
  return labels.get(item.i);
}

function makeLabel(item) {
  switch (item.k) {
    case 'request': return { head: item.method, tail: short(readable(item.path), 60) };
    case 'answer': {
      const request = model.exchanges.get(item.exchange)?.request;
      const body = parsed(item.x);
      const error = isObject(body) ? body.error ?? body.code ?? body.message : undefined;
      const why = item.status >= 400 && typeof error === 'string' ? ` · ${short(error, 40)}` : '';
      return { head: String(item.status), tail: (request ? duration(item.t - request.t) : '') + why, bad: item.status >= 400 };
    }
    case 'open': return { head: item.status === 101 ? 'connect' : `connect ${item.status}`, tail: connectionName(item.name) + short(readable(item.path), 60), bad: item.status >= 400 };
    case 'close': {
      const { code, reason, by_participant: own } = item.end;
      // What a stub ended says how: answered, hung up.
      if (own && !code) return { head: reason || 'dropped', tail: connectionName(item.name).trim() };
      return { head: code ? `closed ${code}` : 'lost', tail: `${connectionName(item.name)}${own ? 'by itself' : code ? 'by the server' : 'without a close frame'}${reason ? ` · ${short(reason, 40)}` : ''}`, bad: !own };
    }
    case 'sent': case 'received': return { head: short(kindOf(item), 30), tail: connectionName(item.name) + frameFields(item) };
    case 'note': return { head: '#', tail: item.text };
    case 'fail': return { head: '✗', tail: item.text, bad: true };
    case 'log': {
      // Of a trace what was raised says more than its first line.
      const level = item.level === 'error' ? '✗ ' : '';
      const text = item.lines > 1 ? `${(item.raised ?? item.first).trim()} (${item.lines} lines)` : item.text.trimStart();
      return { head: '', tail: level + text };
    }
    default: return { head: '', tail: item.text };
  }
}

const connectionName = (name) => (name && name !== 'main' ? `[${name}] ` : '');

/** Ids of participants as their names. */
function readable(text) {
  let shown = text;
  for (const [id, key] of names) {
    if (id.length > 3 && id !== key) shown = shown.replaceAll(id, key);
  }
  return shown;
}

function duration(us) {
  const ms = us / 1000;
  if (ms >= 10000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

const clock = (us) => (us / 1000).toFixed(us >= 100000000 ? 0 : us >= 10000000 ? 1 : 2);

/** An item in a sentence, for those who hear the page. */
function spoken(item) {
  const who = data.participants[item.p];
  const { head, tail } = labelOf(item);
  const does = { request: 'asks', answer: 'is answered', open: 'opens', close: 'connection', sent: 'sends', received: 'gets', note: 'note', log: 'server log', fail: 'failed' }[item.k];
  return `${clock(item.t)} milliseconds: ${who ?? ''} ${does} ${head} ${tail}`.replace(/\s+/g, ' ');
}
