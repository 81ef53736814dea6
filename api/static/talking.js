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

export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem(0, { detail: "The server does not answer. Is it still running?" });
  }
  const document = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, document);
  return document;
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
