// The list, its filters and its keys.

const list = document.getElementById('list');
const state = { text: '', groups: new Set(), suite: '', tag: '', owner: '', class: '', verdict: '', sort: 'outcome' };
let visible = [];
let at = undefined;

const order = Object.keys(GROUPS);
const SORTS = {
  outcome: ['failures first', (a, b) => order.indexOf(a.group) - order.indexOf(b.group)],
  slowest: ['slowest first', (a, b) => b.took - a.took],
  name: ['by name', () => 0],
};

/** The element of a scenario; made when it is first shown. */
function element(item) {
  if (item.element) return item.element;
  const group = GROUPS[item.group];
  const bar = el('span');
  bar.style.width = `${(item.took / longest) * 100}%`;
  const row = el('.row', { tabindex: '0', role: 'button', 'aria-expanded': 'false', onclick: () => { choose(item); toggle(item); } },
    el(`span.mark.${group.style}`, { title: group.name }, group.mark),
    el('span.name', null,
      item.suite && el('span.dim', null, `${item.suite}/`), el('span.stem', null, item.stem), el('span.title', null, item.title)),
    el('span.marks', null,
      item.group === 'not_run' && el('span.tag.bad', null, 'not run'),
      item.group === 'flaky' && el('span.tag.note', null, 'flaky'),
      item.group === 'quarantined' && el('span.tag.note', null, 'quarantined'),
      item.group === 'failed' && item.class && el('span.tag.bad', null, CLASSES[item.class] ?? item.class),
      item.unknown.length > 0 && el('span.tag.note', null, 'unknown'),
      item.unproven > 0 && el('span.tag.note', null, 'unproven'),
      item.owner && el('span.tag', null, item.owner),
      ...item.tags.slice(0, 4).map((tag) => el('span.tag', null, tag))),
    el('span.time', null, spark(item), el('span.track', null, bar), el('span.number', null, item.took ? duration(item.took) : '')),
    item.headline && el('span.what', { title: item.headline }, item.headline));
  item.element = el('article.case', null, row);
  return item.element;
}

function toggle(item, open = !item.open) {
  item.open = open;
  const box = element(item);
  box.classList.toggle('open', open);
  box.firstChild.setAttribute('aria-expanded', String(open));
  box.querySelector('.whole')?.remove();
  if (open) box.append(whole(item));
}

/** Makes a scenario the current one. */
function choose(item, { focus = false } = {}) {
  if (at) element(at).classList.remove('at');
  at = item;
  if (!item) return;
  element(item).classList.add('at');
  if (focus) {
    // Keys go to it from now on, and not to a button that was clicked before.
    element(item).firstChild.focus({ preventScroll: true });
    element(item).firstChild.scrollIntoView({ block: 'nearest' });
  }
  history.replaceState(null, '', `#${encodeURIComponent(item.name)}`);
}

function show(item) {
  if (!visible.includes(item)) reset();
  choose(item);
  toggle(item, true);
  element(item).firstChild.scrollIntoView({ block: 'start' });
}

function filter(change) {
  Object.assign(state, change);
  for (const key of ['suite', 'tag', 'owner', 'class', 'verdict']) {
    const select = document.getElementById(`by-${key}`);
    if (select) select.value = state[key];
  }
  refresh();
}

function reset() {
  state.groups.clear();
  const search = document.getElementById('search');
  search.value = '';
  filter({ text: '', suite: '', tag: '', owner: '', class: '', verdict: '' });
}

function refresh() {
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (item) => words.every((word) => item.text.includes(word))
    && (!state.groups.size || state.groups.has(item.group))
    && (!state.suite || item.suite === state.suite)
    && (!state.tag || item.tags.includes(state.tag))
    && (!state.owner || (item.owner ?? '-') === state.owner)
    && (!state.class || item.classes.includes(state.class))
    && (!state.verdict || VERDICTS[state.verdict].of(item) > 0);
  visible = items.filter(fits).sort(SORTS[state.sort][1]);
  list.replaceChildren(...visible.map(element));
  if (!visible.length) {
    list.append(el('.none', null, items.length ? 'No scenario fits. ' : 'No scenario has ended yet.',
      items.length > 0 && el('button', { type: 'button', onclick: reset }, 'Show all')));
  }
  if (at && !visible.includes(at)) choose(undefined);
  for (const chip of document.querySelectorAll('.chips button')) chip.setAttribute('aria-pressed', String(state.groups.has(chip.dataset.group)));
  document.querySelector('#filters .shown').textContent = visible.length === items.length ? '' : `${visible.length} of ${items.length}`;
}

function filters() {
  const values = (of) => [...new Set(items.flatMap(of).filter(Boolean))].sort();
  const select = (key, all, options) => options.length > 1 && el('select', { id: `by-${key}`, 'aria-label': all, onchange: (event) => filter({ [key]: event.target.value }) },
    el('option', { value: '' }, all), ...options.map(([value, name]) => el('option', { value }, name)));
  const named = (options) => options.map((value) => [value, value]);
  const owners = values((item) => item.owner);
  document.getElementById('filters').replaceChildren(...[
    el('input', {
      id: 'search', type: 'search', placeholder: 'Search names, titles, failures  ( / )', 'aria-label': 'Search', autocomplete: 'off', spellcheck: 'false',
      oninput: (event) => filter({ text: event.target.value }),
    }),
    el('span.chips', { role: 'group', 'aria-label': 'Outcome' }, ...order.filter(count).map((group) => el('button', {
      type: 'button', 'data-group': group, 'aria-pressed': 'false',
      onclick: () => {
        if (!state.groups.delete(group)) state.groups.add(group);
        refresh();
      },
    }, `${GROUPS[group].name} ${count(group)}`))),
    select('suite', 'every suite', named(values((item) => item.suite))),
    select('class', 'every class', values((item) => item.classes).map((name) => [name, CLASSES[name] ?? name])),
    select('verdict', 'every invariant', Object.entries(VERDICTS).map(([key, { name, of }]) => [key, name, items.filter((item) => of(item) > 0).length])
      .filter(([, , number]) => number).map(([key, name, number]) => [key, `${name} (${number})`])),
    select('tag', 'every tag', named(values((item) => item.tags))),
    owners.length > 0 && select('owner', 'every owner', [...named(owners), ['-', 'nobody']]),
    el('select', { 'aria-label': 'Order', onchange: (event) => { state.sort = event.target.value; refresh(); } },
      ...Object.entries(SORTS).map(([key, [name]]) => el('option', { value: key }, name))),
    el('span.shown.number', { role: 'status' }),
  ].filter(Boolean));
}

function step(by) {
  if (!visible.length) return;
  const now = visible.indexOf(at);
  const next = now < 0 ? (by > 0 ? 0 : visible.length - 1) : Math.min(visible.length - 1, Math.max(0, now + by));
  choose(visible[next], { focus: true });
}

const KEYS = [
  ['/', 'search', () => document.getElementById('search').focus()],
  ['j', 'the next scenario', () => step(1)],
  ['k', 'the one before', () => step(-1)],
  ['Enter', 'open or close it', () => at && toggle(at)],
  ['t', 'open its trace', () => at?.trace && location.assign(at.trace)],
  ['f', 'failed ones alone, or all', () => { if (!state.groups.delete('failed')) state.groups.add('failed'); refresh(); }],
  ['d', 'light or dark', turn],
  ['Escape', 'leave the search, show all', reset],
  ['?', 'these keys', () => document.getElementById('keys').showModal()],
];
const ALSO = { ArrowDown: 'j', ArrowUp: 'k' };

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById('keys').open) return;
  const field = event.target.closest('input, select');
  if (field) {
    if (event.key === 'Escape') {
      reset();
      field.blur();
    } else if (event.key === 'Enter' && field.id === 'search' && visible.length) {
      choose(visible[0], { focus: true });
    }
    return;
  }
  if (event.key === 'Enter' && event.target.closest('button, a, summary')) return;
  const row = event.target.closest('.row');
  if (row && at && element(at).firstChild !== row) choose(visible.find((item) => item.element.firstChild === row));
  const known = KEYS.find(([key]) => key === (ALSO[event.key] ?? event.key));
  if (known) {
    event.preventDefault();
    known[2]();
  }
}

function begin() {
  try {
    const kept = localStorage.getItem('roundtable-theme');
    if (kept === 'light' || kept === 'dark') document.documentElement.dataset.theme = kept;
  } catch {
    // As where it is set.
  }
  top();
  overview(show, filter);
  filters();
  refresh();
  document.getElementById('keys').append(
    el('h2', null, 'Keys'),
    el('table', null, ...KEYS.map(([key, what]) => el('tr', null, el('td', null, el('kbd', null, key)), el('td', null, what)))),
    el('form', { method: 'dialog' }, el('button', null, 'Close')));
  document.addEventListener('keydown', press);
  const named = decodeURIComponent(location.hash.slice(1));
  const linked = items.find((item) => item.name === named);
  const failed = visible.filter((item) => item.group === 'failed');
  if (linked) show(linked);
  else if (failed.length) {
    choose(failed[0]);
    toggle(failed[0], true);
  }
}

begin();
