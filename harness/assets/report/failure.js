// An opened scenario: everything that helps to find the cause.

function whole(item) {
  const facts = [
    item.trace && el('a', { href: item.trace }, 'open the trace'),
    el('span.mono', null, `${item.file}:${item.line}`),
    el('span.mono', null, `roundtable run ${item.file}`),
    item.owner && el('span', null, `owner ${item.owner}`),
    item.participants.length > 0 && el('span', null, `with ${shortList(item.participants, 8)}`),
    item.server && el('span', null, `on ${item.server}`),
    item.history.length > 1 && el('span', null, past(item)),
  ];
  return el('.whole', null,
    el('.facts', null, ...facts),
    item.quarantine && el('p.note', null, `In quarantine until ${item.quarantine.until}${item.quarantine.expired ? ', which is over' : ''}: ${item.quarantine.issue}`),
    !item.failures.length && !item.earlier.length && item.headline && el('pre', null, item.headline),
    ...item.waiting.map((one) => el('pre', null, `${one.participant ?? 'the scenario'} waited ${duration(one.waited_us)} for ${one.what}${one.place ? ` (${where(one.place)})` : ''}`)),
    ...item.failures.map(failure),
    ...item.unproven_why.map((why) => el('p.note', null, `unproven: ${why}`)),
    ...item.earlier.map((attempt, number) => el('details', { open: item.flaky },
      el('summary', null, `attempt ${number + 1} failed in ${duration(attempt.took)}: ${attempt.failures[0]?.headline ?? ''}`),
      attempt.trace && el('a', { href: attempt.trace }, 'open its trace'),
      ...attempt.failures.map(failure))),
    invariants(item),
    item.log.length > 0 && log(item),
  );
}

/** What each invariant said; those that are unknown stand open. */
function invariants(item) {
  if (!item.invariants.length) return undefined;
  const said = ({ status, ...verdict }) => ({
    held: () => `held, ${verdict.judged} judged`,
    not_asked: () => 'not asked',
    unknown: () => `unknown${verdict.excepted ? ` but excepted (${verdict.excepted})` : ''}: ${verdict.why}`,
    violated: () => `violated: ${verdict.headline}`,
  })[status]();
  const style = { unknown: 'p.note', violated: 'p.bad' };
  const line = (one) => el(style[one.verdict.status] ?? 'p.dim', null, `${one.invariant} (${one.stream}): ${said(one.verdict)}`);
  return el('details', { open: item.unknown.length > 0 },
    el('summary', null, `${plural(item.invariants.length, 'invariant', 'invariants')}: ${verdicts([item])}`), ...item.invariants.map(line));
}

function shortList(names, most) {
  return names.length > most ? `${names.slice(0, most).join(', ')} and ${names.length - most} more` : names.join(', ');
}

const where = (place) => `${place.file}:${place.line}:${place.column}`;

function failure(one) {
  const shapes = one.diff.filter((line) => line.kind === 'shape');
  const changes = one.diff.filter((line) => line.kind !== 'shape');
  const places = [one.place, ...one.inside].filter(Boolean);
  return el('.failure', null,
    el('h3', null, one.headline),
    places.length > 0 && el('.places', null, ...places.flatMap((place) => [
      el('code.dim', null, where(place)), el('code', null, place.text),
    ])),
    shapes.length > 0 && el('.shapes', null, el('ul', null, ...shapes.map((line) => el('li', null, line.text)))),
    pair(one),
    one.late && el('.note', null, one.late),
    came(one),
    one.details.length > 0 && part('detail', el('pre', null, one.details.join('\n'))),
    changes.length > 0 && el('.pane', null, el('h4', null, 'stored and now'), el('pre.diff', null, ...changes.map(change))),
  );
}

const part = (title, ...children) => el('.part', null, el('h4', null, title), ...children);

function change(line) {
  const sign = { context: ' ', removed: '-', added: '+' }[line.kind] ?? '';
  return el(`span.${line.kind}`, null, sign + line.text);
}

/** What was expected beside what came nearest, the lines that differ marked. */
function pair(one) {
  if (!one.expected && !one.nearest) return undefined;
  const paths = (one.nearest?.differences ?? []).map((text) => text.split(': ')[0].trim());
  const differs = (path) => path !== undefined && paths.includes(path);
  const pane = (title, text, kind) => text && el('.pane', null, el('h4', null, title),
    el('pre', null, ...(lines(text) ?? text.split('\n').map((text) => ({ text })))
      .map((line) => el(differs(line.path) ? `span.${kind}` : 'span', null, line.text))));
  const nearest = one.nearest;
  return el('div', null,
    el('.pair', null,
      pane('expected', one.expected, 'expected'),
      nearest && pane(`nearest: ${nearest.whole ? nearest.what.split(': ')[0] : ''}`, nearest.whole ?? nearest.what, 'got')),
    nearest?.differences.length > 0 && el('ul', null, ...nearest.differences.map((text) => el('li.mono.bad', null, text))),
  );
}

function came(one) {
  if (!one.came.length) return one.late ? part('came', 'nothing') : undefined;
  return part(`came (${one.came.length})`, el('.scroll', null, el('table', null, ...one.came.map((frame) => el(frame.taken_by ? 'tr.taken' : 'tr', null,
    el('td.when.number', null, millis(frame.at_us)),
    el('td.mono', null, frame.frame, frame.taken_by && ` (taken by line ${frame.taken_by})`))))));
}

function log(item) {
  const rows = item.log.map(([when, text]) => el('tr', null, el('td.when.number', null, millis(when)), el('td.mono', null, text)));
  return el('details', { open: item.log.length <= 40 },
    el('summary', null, `server log, ${plural(item.log.length, 'line', 'lines')}${item.earlier_lines ? ` (${item.earlier_lines} earlier ones left out)` : ''}`),
    el('.scroll', null, el('table', null, ...rows)));
}
