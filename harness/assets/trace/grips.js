// The bars between the parts of the page: dragged, or moved by arrow keys; their places are kept for all traces.

const grips = (() => {
  const KEY = 'roundtable.trace.sizes';
  const STEP = 24;
  const root = document.documentElement;
  let sizes = {};

  function read() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}');
      for (const [name, size] of Object.entries(kept)) if (Number.isFinite(size)) sizes[name] = size;
    } catch {
      // Some browsers keep nothing for files.
      sizes = {};
    }
  }

  function keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify(sizes));
    } catch {
      // The sizes hold for this page alone then.
    }
  }

  function set(name, size) {
    if (size === undefined) delete sizes[name];
    else sizes[name] = Math.max(60, Math.round(size));
    if (size === undefined) root.style.removeProperty(`--${name}`);
    else root.style.setProperty(`--${name}`, `${sizes[name]}px`);
    $(`grip-${name}`).setAttribute('aria-valuenow', String(sizes[name] ?? ''));
  }

  /** A bar: `sign` says whether its part grows to the right and down (1) or to the left (-1). */
  function wire(name, sign, flat) {
    const grip = $(`grip-${name}`);
    const size = () => (flat ? $(name).offsetHeight : $(name).offsetWidth);
    const at = (event) => (flat ? event.clientY : event.clientX);
    grip.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      grip.classList.add('held');
      const [from, before] = [at(event), size()];
      grip.onpointermove = (moved) => set(name, before + sign * (at(moved) - from));
    });
    const release = () => {
      if (!grip.onpointermove) return;
      grip.onpointermove = null;
      grip.classList.remove('held');
      keep();
    };
    grip.addEventListener('pointerup', release);
    grip.addEventListener('pointercancel', release);
    grip.addEventListener('dblclick', () => (set(name, undefined), keep()));
    grip.addEventListener('keydown', (event) => {
      const by = { [flat ? 'ArrowDown' : 'ArrowRight']: STEP, [flat ? 'ArrowUp' : 'ArrowLeft']: -STEP }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      set(name, size() + sign * by);
      keep();
    });
    if (sizes[name] !== undefined) set(name, sizes[name]);
  }

  function build() {
    read();
    $('grip-failures').hidden = $('failures').hidden;
    wire('source', 1, false);
    wire('panel', -1, false);
    wire('failures', 1, true);
  }

  return { build };
})();
