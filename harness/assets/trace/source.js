// The scenario's text. Its steps can be chosen; those inside verbs and blocks unfold below their line.

const source = (() => {
  const pane = $('source');
  const file = data.file ?? data.sources[0]?.file;
  const text = data.sources.find((one) => one.file === file)?.text ?? '';
  const open = new Set();
  const took = (steps) => steps.reduce((sum, step) => sum + ((step.end ?? model.end) - step.t), 0);
  const longest = Math.max(1, ...[...model.steps.values()].filter((step) => !step.up).map((step) => took([step])));

  /** The steps of the scenario's own file by line: those at its top, and those that stand in its blocks. */
  const byLine = new Map();
  for (const step of model.steps.values()) {
    const inVerb = step.up && step.up.file !== file;
    if (step.file !== file || inVerb) continue;
    if (!byLine.has(step.line)) byLine.set(step.line, []);
    byLine.get(step.line).push(step);
  }
  /** The row that shows a step, where one does. */
  const rowOf = new Map();
  const linesOf = (step) => {
    while (step && (step.file !== file || (step.up && step.up.file !== file))) step = step.up;
    return step?.line;
  };

  /** What a line's steps did inside verbs: each place of another file once, with everybody who was there. */
  function within(steps) {
    const places = new Map();
    for (const step of steps) {
      for (const child of step.children) {
        if (child.file === file && byLine.get(child.line)?.includes(child)) continue;
        const key = `${child.file}:${child.line}:${child.column}`;
        if (!places.has(key)) places.set(key, []);
        places.get(key).push(child);
      }
    }
    return [...places.values()];
  }

  /** YAML with a little colour: comments, keys, strings. */
  function coloured(line) {
    const parts = [];
    const words = /(#(?=\s|$).*$|(?<=\s)#.*$)|("(?:[^"\\]|\\.)*"|'[^']*')|([\w.-]+)(?=:(?:\s|$|\}))|(\{\{.*?\}\})/g;
    let last = 0;
    for (const match of line.matchAll(words)) {
      parts.push(line.slice(last, match.index));
      const kind = match[1] ? 'comment' : match[2] ? 'string' : match[3] ? 'key' : 'slot';
      parts.push(el('span', { class: `y-${kind}` }, match[0]));
      last = match.index + match[0].length;
    }
    parts.push(line.slice(last));
    return parts;
  }

  function lineOf(steps, words, { number, depth, key, has }) {
    const failed = steps.some((step) => step.failed);
    const time = took(steps);
    const attributes = {
      class: `step${failed ? ' failed' : ''}`,
      role: 'treeitem',
      tabindex: '-1',
      'aria-level': depth + 1,
      'aria-expanded': has ? String(open.has(key)) : undefined,
      'data-key': key,
      style: `--depth:${depth};--share:${Math.min(1, time / longest).toFixed(3)}`,
      title: depth ? `${steps[0].file}:${steps[0].line}` : undefined,
    };
    const row = el(
      'div',
      attributes,
      el('span', { class: 'fold', 'aria-hidden': 'true' }, has ? (open.has(key) ? '▾' : '▸') : ''),
      el('span', { class: 'number' }, depth ? '' : number),
      el('code', {}, words),
      el('span', { class: 'took' }, failed ? el('b', { class: 'cross' }, '✗ ') : null, duration(time), steps.length > 1 ? ` ×${steps.length}` : ''),
    );
    row.steps = steps;
    for (const step of steps) rowOf.set(step, row);
    return row;
  }

  function build() {
    rowOf.clear();
    marked = [];
    focus = undefined;
    const rows = [];
    const inner = (steps, depth, above) => {
      for (const group of within(steps)) {
        const key = `${above}/${group[0].number}`;
        const has = within(group).length > 0;
        rows.push(lineOf(group, coloured(group[0].text), { depth, key, has }));
        if (has && open.has(key)) inner(group, depth + 1, key);
      }
    };
    text.replace(/\n$/, '').split('\n').forEach((words, place) => {
      const number = place + 1;
      const steps = byLine.get(number);
      if (!steps) {
        rows.push(el('div', { class: 'plain' }, el('span', { class: 'fold' }), el('span', { class: 'number' }, number), el('code', {}, coloured(words))));
        return;
      }
      const key = `line ${number}`;
      const has = within(steps).length > 0;
      rows.push(lineOf(steps, coloured(words), { number, depth: 0, key, has }));
      if (has && open.has(key)) inner(steps, 1, key);
    });
    pane.replaceChildren(
      el('h2', {}, file ?? 'Scenario'),
      el('div', { class: 'lines', role: 'tree', 'aria-label': 'Steps' }, rows),
    );
    focus = pane.querySelector('.step');
    if (focus) focus.tabIndex = 0;
  }

  const rowsOf = () => [...pane.querySelectorAll('.step')];

  /** The rows that are marked now; only these are touched when others are chosen. */
  let marked = [];
  let focus;

  /** Marks a step's row, and the lines that it goes on over. */
  function mark(row, name) {
    const indent = (line) => line.querySelector('code').textContent.search(/\S/);
    const own = indent(row);
    row.classList.add(name);
    marked.push(row);
    if (row.ariaLevel !== '1') return;
    for (let next = row.nextElementSibling; next && (!next.matches('.step') || next.ariaLevel !== '1'); next = next.nextElementSibling) {
      if (!next.matches('.plain')) continue;
      const deep = indent(next);
      if (deep >= 0 && deep <= own) break;
      next.classList.add(name);
      marked.push(next);
    }
  }

  /** Marks the lines of the chosen step, or of the one that the selected item belongs to. */
  function sync() {
    // What no step took belongs to the step that sent it.
    const one = view.selected && (model.stepOf(view.selected) ?? (view.selected.links[0]?.sent && model.stepOf(view.selected.links[0].sent)));
    const chosen = view.steps ?? (one ? [one] : []);
    for (const row of marked) row.classList.remove('chosen', 'around');
    marked = [];
    const own = new Set();
    const around = new Set();
    for (const step of chosen) {
      if (rowOf.has(step)) own.add(rowOf.get(step));
      for (let up = step.up; up; up = up.up) if (rowOf.has(up)) around.add(rowOf.get(up));
    }
    for (const row of around) if (!own.has(row)) mark(row, 'around');
    for (const row of own) mark(row, 'chosen');
    const seen = [...own].at(-1) ?? [...around].at(0);
    if (focus) focus.tabIndex = -1;
    focus = seen ?? focus ?? pane.querySelector('.step');
    if (focus) focus.tabIndex = 0;
    if (seen && !pane.contains(document.activeElement)) seen.scrollIntoView({ block: 'nearest' });
  }

  function fold(row, to) {
    const key = row.dataset.key;
    if (!row.hasAttribute('aria-expanded')) return;
    if (to ?? !open.has(key)) open.add(key);
    else open.delete(key);
    const focused = pane.contains(document.activeElement);
    build();
    sync();
    if (focused) pane.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }

  pane.onclick = (event) => {
    let row = event.target.closest('.step, .plain');
    if (row?.matches('.chosen, .around')) while (row?.matches('.plain')) row = row.previousElementSibling;
    if (!row?.matches('.step')) return;
    if (event.target.closest('.fold') && row.hasAttribute('aria-expanded')) fold(row);
    else viewer.chooseSteps(row.steps);
  };
  pane.onkeydown = (event) => {
    const row = event.target.closest('.step');
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = rowsOf();
    const go = (to) => {
      const next = rows[Math.max(0, Math.min(rows.length - 1, to))];
      if (focus) focus.tabIndex = -1;
      focus = next;
      next.tabIndex = 0;
      next.focus();
    };
    const place = rows.indexOf(row);
    const keys = {
      ArrowDown: () => go(place + 1),
      j: () => go(place + 1),
      ArrowUp: () => go(place - 1),
      k: () => go(place - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => fold(row, true),
      ArrowLeft: () => fold(row, false),
      Enter: () => viewer.chooseSteps(row.steps),
      ' ': () => viewer.chooseSteps(row.steps),
    };
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation();
  };

  // What failed inside a verb is shown without a click.
  for (const failure of failures) {
    for (let step = model.steps.get(failure.step); step; step = step.up) {
      const line = linesOf(step);
      if (line !== undefined && step.up) open.add(`line ${line}`);
    }
  }
  return { build, sync };
})();
