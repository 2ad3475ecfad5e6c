/**
 * Elements without markup: nothing here reads HTML, so no text of an answer can become an element. A part of the page
 * is drawn again as a whole, and what has the focus or was opened stays so by its `data-key`.
 *
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Properties
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element; `on…` are listeners, false and null leave an attribute out.
 *
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name @param {Properties} [properties] @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export function h(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children);
}

/**
 * An SVG element, likewise.
 *
 * @template {keyof SVGElementTagNameMap} N
 * @param {N} name @param {Properties} [properties] @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[N]}
 */
export function svg(name, properties = {}, ...children) {
  const element = /** @type {SVGElementTagNameMap[N]} */ (document.createElementNS(SVG, name));
  return filled(element, properties, children);
}

/**
 * @template {Element} E @param {E} element @param {Properties} properties
 * @param {(Child | Child[])[]} children @returns {E}
 */
function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2).toLowerCase(), value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : `${value}`);
  }
  for (const child of children.flat())
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : `${child}`);
  return element;
}

/** The element of the page with this id. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/** Draw a part of the page again. @param {HTMLElement} place @param {...(Child | Child[])} children */
export function draw(place, ...children) {
  const focused = place.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
  const open = new Set(
    [...place.querySelectorAll("details[open][data-key]")].map((each) => each.getAttribute("data-key")),
  );
  place.replaceChildren(...filled(document.createElement("div"), {}, children).childNodes);
  for (const details of place.querySelectorAll("details[data-key]"))
    if (open.has(details.getAttribute("data-key"))) details.setAttribute("open", "");
  const again =
    focused && /** @type {HTMLElement | null} */ (place.querySelector(`[data-key="${CSS.escape(focused)}"]`));
  if (again) again.focus({ preventScroll: true });
}
