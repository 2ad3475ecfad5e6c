/**
 * GraphQL over HTTP. A query goes by GET, so that the same view is the same address and its answer has an ETag; by POST
 * where that address would be too long for a gateway, or would hold what must not be in a log.
 *
 * @import { Queries } from "../operations.js"
 * @typedef {{ message: string, path?: (string | number)[], extensions?: { code?: string, upstream?: string,
 *   requestId?: string, retryAfterSeconds?: number } }} ApiError
 */

/** @template T @typedef {{ data: T | null, errors: ApiError[], changed: boolean }} Answer */

import { session } from "./session.js";

const ENDPOINT = new URL("graphql", document.baseURI);
/** API Gateway takes some 10 kB with all headers; a token has 2 or 3. */
const LONGEST_ADDRESS = 6000;
const ACCEPT = "application/graphql-response+json, application/json";

/** The request did not come to an answer; `status` is 0 where nothing came back, and 401 without a valid session. */
export class RequestFailed extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @type {Map<string, Promise<string>>} */
const texts = new Map();

/** The text of a query, by the name of its file. @param {keyof Queries} name @returns {Promise<string>} */
export function queryText(name) {
  const loading = texts.get(name) ?? load(name);
  texts.set(name, loading);
  loading.catch(() => texts.delete(name)); // the next question tries again
  return loading;
}

/** @param {string} name */
async function load(name) {
  const file = await reached(fetch(new URL(`../queries/${name}.graphql`, import.meta.url)));
  if (!file.ok) throw new RequestFailed(file.status, "The page's own files could not be loaded: reload it.");
  return file.text();
}

/** The text without what only people read. @param {string} text */
const compact = (text) =>
  text
    .replace(/#[^\n]*/g, "")
    .replace(/\s+/g, " ")
    .trim();

/** The last answer to each GET, and its ETag. @type {Map<string, { etag: string, body: any }>} */
const seen = new Map();
const MOST_SEEN = 20;

/**
 * Ask one of the queries; `changed` is false where the answer is the one of the last time.
 *
 * @template {keyof Queries} N
 * @param {N} name
 * @param {Queries[N][0]} variables
 * @param {{ signal?: AbortSignal, secret?: boolean }} [options] `secret`: the variables must not be in an address
 * @returns {Promise<Answer<Queries[N][1]>>}
 */
export async function ask(name, variables, { signal, secret = false } = {}) {
  const query = compact(await queryText(name));
  const address = new URL(ENDPOINT);
  address.searchParams.set("query", query);
  address.searchParams.set("variables", JSON.stringify(variables));
  const byGet = !secret && query.startsWith("query") && address.href.length <= LONGEST_ADDRESS;
  return byGet ? get(address.href, signal) : post(JSON.stringify({ query, variables }), signal);
}

/** @template T @param {string} address @param {AbortSignal} [signal] @returns {Promise<Answer<T>>} */
async function get(address, signal) {
  const before = seen.get(address);
  const response = await send(address, { signal, headers: before ? { "If-None-Match": before.etag } : {} });
  if (response.status === 304 && before) {
    await response.text(); // empty, but a browser takes an answer that is not read for one that broke off
    return { ...before.body, changed: false };
  }
  const body = await read(response);
  const etag = response.headers.get("etag");
  seen.delete(address);
  if (etag) seen.set(address, { etag, body });
  for (const oldest of seen.keys()) if (seen.size > MOST_SEEN) seen.delete(oldest);
  return { ...body, changed: true };
}

/** @template T @param {string} body @param {AbortSignal} [signal] @returns {Promise<Answer<T>>} */
async function post(body, signal) {
  const headers = { "Content-Type": "application/json" };
  return { ...(await read(await send(ENDPOINT.href, { method: "POST", headers, body, signal }))), changed: true };
}

/** @param {string} address @param {RequestInit} options */
async function send(address, options) {
  const authorization = await session.authorization();
  if (!authorization) throw new RequestFailed(401, "You are not signed in.");
  const headers = { ...options.headers, Accept: ACCEPT, Authorization: authorization };
  return reached(fetch(address, { ...options, headers, cache: "no-store" }), options.signal);
}

/** A response, or the reason in our words. @param {Promise<Response>} response @param {AbortSignal | null} [signal] */
async function reached(response, signal) {
  try {
    return await response;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new RequestFailed(0, "The server could not be reached.");
  }
}

/** @param {Response} response */
async function read(response) {
  const body = await response.json().catch(() => null);
  const errors = body?.errors ?? [];
  if (response.status === 401) throw new RequestFailed(401, "The session has ended, or the token was refused.");
  if (!body || !("data" in body) || (body.data === null && errors.length))
    throw new RequestFailed(
      response.status,
      errors[0]?.message ?? `The server answered with status ${response.status}.`,
    );
  return { data: body.data, errors };
}
