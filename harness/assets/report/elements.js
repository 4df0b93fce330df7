// Elements are made here alone, and texts are only ever set as text.

function el(name, attributes, ...children) {
  const [tag, ...classes] = name.split('.');
  const element = document.createElement(tag || 'div');
  if (classes.length) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false && child !== ''));
  return element;
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

const plural = (number, one, many) => `${number} ${number === 1 ? one : many}`;

/** A time in microseconds. */
function duration(micros) {
  const millis = micros / 1000;
  if (millis < 1000) return `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`;
  const seconds = millis / 1000;
  if (seconds < 120) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

const millis = (micros) => `${(micros / 1000).toFixed(1)} ms`;

/** JSON over several lines, each with the path of what it holds; undefined for a text that is none. */
function lines(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const found = [];
  const write = (value, path, indent, before, after) => {
    const line = (text) => found.push({ path, text: '  '.repeat(indent) + text });
    const list = Array.isArray(value);
    const entries = value && typeof value === 'object' ? (list ? [...value.entries()] : Object.entries(value)) : [];
    if (!entries.length) return line(before + JSON.stringify(value) + after);
    line(before + (list ? '[' : '{'));
    entries.forEach(([key, inner], at) => {
      const plain = /^[A-Za-z_][A-Za-z0-9_]*$/.test(key);
      const below = list ? `${path}[${key}]` : plain ? `${path}.${key}` : `${path}['${key}']`;
      write(inner, below, indent + 1, list ? '' : `${JSON.stringify(key)}: `, at + 1 < entries.length ? ',' : '');
    });
    found.push({ path: undefined, text: '  '.repeat(indent) + (list ? ']' : '}') + after });
  };
  write(value, '$', 0, '', '');
  return found;
}
