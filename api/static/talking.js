// Talking to the service, and small tools both pages use.

export const $ = (id) => document.getElementById(id);

export function make(kind, properties = {}, ...children) {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function clock(seconds) {
  const whole = Math.round(seconds), two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return (hours ? `${hours}:${two(minutes)}` : minutes) + `:${two(whole % 60)}`;
}

export class Problem extends Error {
  constructor(status, document) {
    super(document?.detail ?? `The server answered with status ${status}.`);
    this.status = status;
    this.code = document?.code ?? "";
  }
}

// Whether asking again may do: the server begins anew, its database is away, or this was once too often.
export const passes = ({ status }) => status === 0 || status === 429 || status >= 500;

async function answer(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem(0, { detail: "The server does not answer. Is it still running?" });
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => null));
  return response;
}

export async function ask(path, options = {}) {
  const response = await answer(path, options);
  return response.status === 204 ? null : response.json().catch(() => null);
}

// A file, once the server has given it: a refusal would take the place of the page.
export async function save(path) {
  const response = await answer(path), address = URL.createObjectURL(await response.blob());
  make("a", { href: address, download: nameOf(response) }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // some browsers begin late
}

// RFC 6266: the name in full, where the plain one could not hold it.
function nameOf(response) {
  const said = response.headers.get("Content-Disposition") ?? "", whole = said.match(/filename\*=UTF-8''([^;]+)/i);
  return whole ? decodeURIComponent(whole[1]) : said.match(/filename="([^"]*)"/)?.[1] ?? "timeline";
}

export const send = (path, method, body) => ask(path, {
  method,
  ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
});

export function tell(element, error) {
  element.textContent = error?.message ?? "";
  element.hidden = !error;
}

export function switchTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches, root = document.documentElement;
  root.dataset.theme = (root.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* a browser that keeps nothing */ }
}

export function keepTheme() {
  try {
    const kept = localStorage.getItem("theme");
    if (kept) document.documentElement.dataset.theme = kept;
  } catch { /* a browser that keeps nothing */ }
}
