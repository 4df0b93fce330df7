// What is selected, whole: payload, headers, step, and the message that it belongs to.

/** JSON as lines with colours; `marks` are paths (`$.a.b[0]`) that stand out. Long ones are plain text. */
function pretty(text, marks = []) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return el('pre', { class: 'json' }, highlighted(text));
  }
  const whole = JSON.stringify(value, undefined, 2) ?? text;
  if (whole.length > 120000) return el('pre', { class: 'json' }, highlighted(whole));
  const marked = new Set(marks);
  const lines = [];
  const line = (depth, path, ...parts) => lines.push(el('span', { class: marked.has(path) ? 'marked' : undefined }, '  '.repeat(depth), parts, '\n'));
  const write = (inner, path, depth, before, after) => {
    const list = Array.isArray(inner);
    if (list || isObject(inner)) {
      const fields = Object.entries(inner);
      if (!fields.length) return line(depth, path, before, list ? '[]' : '{}', after);
      line(depth, path, before, list ? '[' : '{');
      fields.forEach(([field, one], place) => {
        const to = list ? `${path}[${field}]` : `${path}.${field}`;
        const head = list ? [] : [el('span', { class: 'k' }, highlighted(JSON.stringify(field))), ': '];
        write(one, to, depth + 1, head, place < fields.length - 1 ? ',' : '');
      });
      return line(depth, `${path}/end`, list ? ']' : '}', after);
    }
    const kind = typeof inner === 'string' ? 's' : typeof inner === 'number' ? 'n' : 'w';
    const known = typeof inner === 'string' && names.get(inner) !== inner ? names.get(inner) : undefined;
    return line(depth, path, before, el('span', { class: kind }, highlighted(JSON.stringify(inner))), after, known ? el('span', { class: 'aside' }, `  ${known}`) : '');
  };
  write(value, '$', 0, [], '');
  return el('pre', { class: 'json' }, lines);
}

/** A text with what is searched for marked. */
function highlighted(text) {
  const wanted = view.query.toLowerCase();
  if (!wanted) return [text];
  const parts = [];
  const low = text.toLowerCase();
  let last = 0;
  for (let at = low.indexOf(wanted); at >= 0 && parts.length < 2000; at = low.indexOf(wanted, last)) {
    parts.push(text.slice(last, at), el('mark', {}, text.slice(at, at + wanted.length)));
    last = at + wanted.length;
  }
  parts.push(text.slice(last));
  return parts;
}

/** A link to an item. */
function jump(item, ...words) {
  return el('button', { type: 'button', class: 'jump', onclick: () => viewer.select(item, true) }, words.length ? words : clock(item.t));
}

function person(p) {
  return el('span', { class: 'person', style: `--lane:${diagram.colour(p)}` }, data.participants[p] ?? '');
}

function copier(text) {
  return el('button', {
    type: 'button',
    class: 'copy',
    title: 'Copy (y)',
    onclick: (event) => {
      const button = event.currentTarget;
      const done = (well) => {
        button.textContent = well ? 'copied' : 'not copied';
        setTimeout(() => (button.textContent = 'copy'), 1200);
      };
      if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => done(true), () => done(false));
      else done(false);
    },
  }, 'copy');
}

const panel = (() => {
  const pane = $('panel');

  function rows(list) {
    return el('dl', {}, list.filter((row) => row && row[1] !== undefined).map(([head, ...body]) => [el('dt', {}, head), el('dd', {}, body)]));
  }

  function stepLink(step) {
    return step && el('button', { type: 'button', class: 'jump', onclick: () => viewer.chooseSteps([step]) }, `line ${model.root(step).line}`, step.up ? ` › ${step.file.split('/').at(-1)}:${step.line}` : '', ' ', el('code', {}, short(step.text, 80)));
  }

  function payload(name, text) {
    if (text === undefined) return [];
    return el('section', { class: 'payload' }, el('h3', {}, name, ' ', el('small', {}, size(text)), copier(text)), pretty(text, view.marks));
  }

  function headers(name, list) {
    if (!list) return [];
    return el('details', { class: 'headers' }, el('summary', {}, name), rows(Object.entries(list).map(([field, value]) => [field, ...highlighted(value)])));
  }

  /** A message: who sent it, who got it when, who didn't. */
  function message(link) {
    const from = link.sent?.t;
    const after = (item) => (from === undefined ? `${clock(item.t)} ms` : `+${duration(item.t - from)}`);
    const lines = model.reach(link).map((one) => {
      const cells = [];
      if (one.sender && link.sent) cells.push(jump(link.sent, `sent at ${clock(link.sent.t)} ms`));
      for (const item of one.ack) cells.push(jump(item, `ack ${after(item)}`));
      for (const item of one.delivery) cells.push(jump(item, `got it ${after(item)}`));
      const missing = !cells.length;
      const words = missing ? (one.there ? 'did not get it' : 'not connected then') : cells.flatMap((cell, place) => (place ? [', ', cell] : [cell]));
      return el('tr', { class: missing ? (one.there ? 'missing' : 'absent') : undefined }, el('th', { scope: 'row' }, person(one.p)), el('td', {}, words));
    });
    const name = `${link.stream}${link.order === null || link.order === undefined ? '' : ` ${link.order}`}`;
    return el('section', { class: 'message' }, el('h3', {}, `Message: ${name}`, link.id ? el('small', {}, ` ${link.id}`) : ''), el('table', {}, lines));
  }

  function ofItem(item) {
    const label = labelOf(item);
    const verb = { request: 'asked', answer: 'was answered', open: item.status === 101 ? 'connected' : 'was refused', close: 'was closed', sent: 'sent', received: 'got' }[item.k];
    const head = el('h2', {}, item.p === undefined ? { note: 'Note', log: 'Server log', fail: 'Failed' }[item.k] : [person(item.p), ' ', verb, ' '], item.p === undefined ? '' : el('b', {}, label.head));
    const facts = [['at', `${clock(item.t)} ms`]];
    const body = [];
    if (isExchange(item)) {
      const { request, answer } = model.exchanges.get(item.exchange);
      facts.push(['request', request && jump(request, `${request.method} `, readable(request.path))]);
      facts.push(['answer', answer ? jump(answer, `${answer.status} after ${duration(answer.t - (request?.t ?? answer.t))}`) : 'none']);
      const asked = [payload('Request', data.texts[request?.x]), headers('Request headers', request?.headers)];
      const answered = [payload('Answer', data.texts[answer?.x]), headers('Answer headers', answer?.headers)];
      body.push(item.k === 'answer' ? [answered, asked] : [asked, answered]);
    }
    if (item.c !== undefined) facts.push(['connection', `${item.name} (${item.c})`]);
    if (item.k === 'open') facts.push(['request', readable(item.path)], ['status', String(item.status)]);
    if (item.k === 'close') facts.push(['code', String(item.end.code ?? 'no close frame')], ['reason', item.end.reason || undefined], ['by', item.end.by_participant ? 'the participant' : 'the server']);
    if (item.n !== undefined) facts.push(['inbox', `frame ${item.n}`]);
    if (item.b) facts.push(['barrier', 'a frame of the barrier, in no inbox']);
    const step = model.stepOf(item);
    if (item.k === 'received') facts.push(['taken by', step ? stepLink(step) : item.b ? undefined : el('span', { class: 'quiet' }, 'no step')]);
    else if (step) facts.push([item.k === 'answer' ? 'asked by' : 'step', stepLink(step)]);
    if (isFrame(item)) body.push(payload('Payload', item.x === undefined ? '' : data.texts[item.x]));
    if (item.level) facts.push(['level', el('span', { class: `level ${item.level}` }, item.level)]);
    if (item.lines) facts.push(['stack trace', `${item.lines} lines`]);
    if (item.text !== undefined) body.push(el('section', { class: 'payload' }, el('h3', {}, item.lines > 1 ? 'Lines' : 'Line', copier(item.text)), el('pre', { class: 'json' }, highlighted(item.text))));
    return [head, rows(facts), item.links.map(message), body];
  }

  function ofSteps(steps) {
    const items = [...new Set(steps.flatMap((step) => step.items))].filter((item) => !item.b || view.barriers).sort((a, b) => a.t - b.t);
    const shown = items.slice(0, 200);
    const actors = [...new Set(steps.map((step) => step.actor).filter(Boolean))];
    return [
      el('h2', {}, 'Step ', el('b', {}, `line ${steps[0].line}`)),
      el('pre', { class: 'json' }, steps[0].text),
      rows([
        ['by', actors.length ? actors.join(', ') : undefined],
        ['began', `${clock(steps[0].t)} ms`],
        ['took', steps[0].end === undefined ? 'it did not end' : duration(steps[0].end - steps[0].t)],
        ['played', steps.length > 1 ? `${steps.length} times` : undefined],
        ['file', `${steps[0].file}:${steps[0].line}`],
      ]),
      el('h3', {}, items.length ? `What it did and took (${items.length})` : 'It sent nothing and took nothing'),
      el('ol', { class: 'items' }, shown.map((item) => el('li', {}, jump(item, el('span', { class: 'at' }, clock(item.t)), item.p === undefined ? '' : person(item.p), ' ', arrow(item), ' ', el('b', {}, labelOf(item).head), ' ', short(labelOf(item).tail, 60))))),
      items.length > shown.length ? el('p', { class: 'quiet' }, `and ${items.length - shown.length} more`) : '',
    ];
  }

  const arrow = (item) => ({ sent: '→', request: '→', open: '⇄', received: '←', answer: '←', close: '✕' })[item.k] ?? '';

  function size(text) {
    return text.length < 1000 ? `${text.length} characters` : `${(text.length / 1000).toFixed(1)} k characters`;
  }

  function overview() {
    const frames = model.items.filter((item) => isFrame(item) && !item.b);
    return [
      el('h2', {}, 'Nothing is selected'),
      el('p', { class: 'quiet' }, 'Choose an arrow or a step, or walk with j and k; ? shows all keys.'),
      rows([
        ['frames', String(frames.length)],
        ['requests', String(model.exchanges.size)],
        ['connections', String(model.connections.size)],
        ['messages', model.links.length ? String(model.links.length) : undefined],
        ['steps', String(model.steps.size)],
      ]),
      (result?.unknown ?? []).map((why) => el('p', { class: 'quiet' }, `unknown: ${why}`)),
    ];
  }

  function build() {
    const parts = view.steps ? ofSteps(view.steps) : view.selected ? ofItem(view.selected) : overview();
    pane.replaceChildren(...parts.flat(Infinity).filter(Boolean));
    pane.scrollTop = 0;
    if (view.marks.length) pane.querySelector('.marked')?.scrollIntoView({ block: 'center' });
  }

  return { build };
})();
