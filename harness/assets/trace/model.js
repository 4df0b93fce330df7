'use strict';
// What happened, with everything that belongs together joined: items (requests, answers, frames, log lines) in time,
// steps as a tree, connections with their lives, messages with their sendings and deliveries.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const result = data.result;
const failures = result?.outcome?.failures ?? [];

/** An element: `el('b', { class: 'x', onclick: f }, 'text', child)`. Strings become text, never markup. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') made[name] = value;
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

/** Lines of the server's log, each with its level; a stack trace is one item, with its lines as they came. */
function logItems(lines) {
  const begins = (text) => ['Traceback (most recent', 'panicked at', 'goroutine ', 'Unhandled', 'Uncaught'].some((word) => text.includes(word));
  const indented = (text) => /^[ \t]/.test(text);
  const made = [];
  let trace;
  for (const { at_us: t, text } of lines) {
    const more = trace && (indented(text) || (!begins(text) && /Error|Exception/.test(text)));
    if (more) {
      trace.text += `\n${text}`;
      trace.raised = indented(text) ? trace.raised : text;
      trace.lines += 1;
      // What was raised stands at the end of a trace.
      if (!indented(text) && trace.first.startsWith('Traceback')) trace = undefined;
      continue;
    }
    const item = { k: 'log', t, text, level: levelOf(text) };
    made.push(item);
    trace = undefined;
    if (begins(text)) trace = Object.assign(item, { level: 'error', first: text, lines: 1 });
  }
  return made;
}

/** The level that a line of a log tells: `error`, `warn`, `info`, `debug`, `trace`, or none. */
function levelOf(text) {
  const found = /\b(ERROR|CRITICAL|FATAL|WARN(?:ING)?|INFO|DEBUG|TRACE)\b/.exec(text) ?? /\b(?:level|lvl|severity)"?\s*[=:]\s*"?(error|critical|fatal|warn(?:ing)?|info|debug|trace)\b/i.exec(text);
  const word = found?.[1].toLowerCase();
  return { critical: 'error', fatal: 'error', warning: 'warn' }[word] ?? word;
}

const model = (() => {
  const steps = new Map(data.steps.map((step) => [step.number, { ...step, children: [], items: [] }]));
  for (const step of steps.values()) {
    const parent = steps.get(step.parent);
    step.up = parent;
    if (parent) parent.children.push(step);
  }
  const root = (step) => {
    while (step?.up) step = step.up;
    return step;
  };

  const items = data.items.slice();
  items.push(...logItems(result?.log ?? []));
  failures.forEach((failure, number) => {
    const step = steps.get(failure.step);
    if (step) {
      const p = data.participants.indexOf(failure.participant);
      items.push({ k: 'fail', t: step.end ?? step.t, s: step.number, p: p < 0 ? undefined : p, failure: number, text: failure.headline });
    }
  });
  items.sort((a, b) => a.t - b.t);
  items.forEach((item, i) => {
    item.i = i;
    item.links = [];
  });

  const byEntry = new Map();
  const byNumber = new Map();
  const exchanges = new Map();
  const connections = new Map();
  const last = items.length ? items[items.length - 1].t : 0;
  const end = Math.max(last, result?.took_us ?? 0);
  for (const item of items) {
    // What the runner asks behind the last step, to judge promises and take snapshots, belongs to no step.
    if (item.s !== undefined && item.k !== 'fail' && item.t > (steps.get(item.s)?.end ?? Infinity)) delete item.s;
    if (item.e !== undefined) byEntry.set(item.e, item);
    if (item.n !== undefined) byNumber.set(`${item.c}:${item.n}`, item);
    if (item.exchange !== undefined) {
      const both = exchanges.get(item.exchange) ?? {};
      both[item.k] = item;
      exchanges.set(item.exchange, both);
    }
    if (item.c !== undefined && !connections.has(item.c)) {
      connections.set(item.c, { c: item.c, p: item.p, name: item.name, from: item.t, to: end, sub: 0 });
    }
    if (item.k === 'open' && item.c !== undefined) connections.get(item.c).open = item;
    if (item.k === 'close') {
      const connection = connections.get(item.c);
      connection.to = item.t;
      connection.close = item;
    }
  }
  // Connections of one participant that are open at once stand beside each other.
  const beside = data.participants.map(() => 1);
  for (const connection of connections.values()) {
    const taken = new Set();
    for (const other of connections.values()) {
      if (other === connection) break;
      if (other.p === connection.p && other.to > connection.from) taken.add(other.sub);
    }
    while (taken.has(connection.sub)) connection.sub += 1;
    beside[connection.p] = Math.max(beside[connection.p], connection.sub + 1);
  }

  for (const [connection, step, numbers] of data.taken) {
    for (const number of numbers) {
      const item = byNumber.get(`${connection}:${number}`);
      if (item) item.taken = step;
    }
  }
  const stepOf = (item) => {
    if (item.s !== undefined) return steps.get(item.s);
    if (item.k === 'answer') return steps.get(exchanges.get(item.exchange)?.request?.s);
    return item.taken === undefined ? undefined : steps.get(item.taken);
  };
  for (const item of items) {
    for (let step = stepOf(item); step; step = step.up) step.items.push(item);
    if (item.k === 'fail') for (let step = steps.get(item.s); step; step = step.up) step.failed = true;
  }

  const links = data.links.map((link, number) => {
    const found = (entries) => entries.map((entry) => byEntry.get(entry)).filter(Boolean);
    let sent = link.sent === null || link.sent === undefined ? undefined : byEntry.get(link.sent);
    const acks = found(link.acks);
    const deliveries = found(link.deliveries);
    // A message that was sent by a request began there; the answer acknowledges it.
    const request = [sent, ...acks].find((item) => item?.k === 'answer');
    if (request && (!sent || sent.k === 'answer')) sent = exchanges.get(request.exchange)?.request ?? sent;
    const made = { number, stream: link.stream, id: link.id, order: link.order, sent, acks, deliveries };
    made.all = [...new Set([sent, ...acks, ...deliveries].filter(Boolean))];
    for (const item of made.all) item.links.push(made);
    return made;
  });

  /** Who of the participants got a message, and who didn't though a connection was open when it was sent. */
  function reach(link) {
    const at = link.sent?.t ?? link.all[0]?.t ?? 0;
    const sender = link.sent?.p;
    return data.participants.map((name, p) => {
      const delivery = link.deliveries.filter((item) => item.p === p);
      const ack = link.acks.filter((item) => item.p === p);
      const there = [...connections.values()].some((it) => it.p === p && it.from <= at && it.to > at);
      return { p, name, sender: p === sender, delivery, ack, there, seen: delivery[0] ?? ack[0] };
    });
  }

  const fails = items.filter((item) => item.k === 'fail');

  return { items, fails, steps, root, byEntry, exchanges, connections, beside, stepOf, links, reach, end };
})();
