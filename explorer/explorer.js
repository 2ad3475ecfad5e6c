/*
 * Starts GraphiQL on this page. Three decisions live here: the page opens with a query that has an answer, a token never
 * reaches the browser's storage, and one's work belongs to the browser tab (a new one starts afresh, up to today).
 */
"use strict";

(() => {
  // Narrow enough to be read whole in half a laptop's screen.
  const QUERY = `# Credits and reports of the last seven days
# in one request: press play, or Ctrl-Enter.
query LastSevenDays(
  $from: DateTime!, $to: DateTime!
  $firstDay: Date!, $lastDay: Date!
) {
  creditLog(from: $from, to: $to, first: 20) {
    totalCount
    freshness { source asOf stale }
    nodes {
      creditId time msisdn network
      outcome amount currency
    }
  }
  reports(from: $firstDay, to: $lastDay) {
    totalCount
    freshness { source asOf stale }
    nodes { name format creationDate }
  }
  creditOutcome(from: $from, to: $to) {
    rows { brand amount currency success failed }
    freshness { source asOf stale }
  }
}
`;

  const DAY = 24 * 60 * 60 * 1000;
  const PLACEHOLDER = "<token>";
  const NO_TOKEN = {
    errors: [{ message: `No token yet: put one under Headers, in the place of ${PLACEHOLDER}.` }],
  };

  // GraphiQL's names in storage: what belongs to this browser tab, and its history, which would keep the headers of each
  // run whatever shouldPersistHeaders says.
  const PREFIX = "graphiql:";
  const perTab = new Set(["query", "variables", "operationName", "tabState"].map((name) => PREFIX + name));
  const history = new Set(["queries", "favorites"].map((name) => PREFIX + name));

  /** The last seven UTC days and today so far, as instants for the credits and as days for the reports. */
  function lastSevenDays(now) {
    const instant = (time) => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
    const day = (time) => instant(time).slice(0, 10);
    const start = now - (now % DAY) - 7 * DAY;
    return { from: instant(start), to: instant(now), firstDay: day(start), lastDay: day(now) };
  }

  /** The headers to begin with: the token that a local gateway wrote into the page, or where to put one. */
  function firstHeaders() {
    const token = document.querySelector('meta[name="tally-token"]')?.content || PLACEHOLDER;
    return JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);
  }

  /** What the headers editor holds as an Authorization, or "" when there is none that could be sent. */
  function authorization(headers) {
    const found = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "authorization");
    const value = found ? String(found[1]) : "";
    return value.includes(PLACEHOLDER) ? "" : value;
  }

  function parsed(headersText) {
    try {
      return JSON.parse(headersText);
    } catch {
      return null; // half-typed: GraphiQL itself says so when the query is run
    }
  }

  const replaceHeaders = (json, headers) =>
    JSON.stringify(JSON.parse(json), (key, value) => (key === "headers" ? headers : value));

  /** GraphiQL's storage, its history without headers: none is written, and what is read gets this page's first ones. */
  function createStorage(headers) {
    const place = (key) => (perTab.has(key) ? sessionStorage : localStorage);
    const ours = (storage) => Object.keys(storage).filter((key) => key.startsWith(PREFIX));
    return {
      getItem(key) {
        const value = place(key).getItem(key);
        return value !== null && history.has(key) ? replaceHeaders(value, headers) : value;
      },
      setItem: (key, value) => place(key).setItem(key, history.has(key) ? replaceHeaders(value, null) : value),
      removeItem: (key) => place(key).removeItem(key),
      clear: () => [sessionStorage, localStorage].forEach((s) => ours(s).forEach((key) => s.removeItem(key))),
      get length() {
        return ours(sessionStorage).length + ours(localStorage).length;
      },
    };
  }

  /** Put the first query where GraphiQL looks for an earlier one: given as a prop, every reload would open one more tab. */
  function seed(storage) {
    if (storage.getItem(PREFIX + "query") === null) {
      storage.setItem(PREFIX + "query", QUERY);
      storage.setItem(PREFIX + "variables", JSON.stringify(lastSevenDays(Date.now()), null, 2));
    }
  }

  const send = GraphiQL.createFetcher({
    url: "graphql", // relative to <base>: the stage's own endpoint
    headers: { Accept: "application/graphql-response+json, application/json" },
    enableIncrementalDelivery: false,
  });

  /** Without a token there is nothing to ask for: say so instead of sending a request that must fail. */
  const ask = async (params, options) => (authorization(options?.headers) ? send(params, options) : NO_TOKEN);

  const headers = firstHeaders();
  const hasToken = authorization(parsed(headers)) !== "";
  const plugins = [GraphiQLPluginExplorer.explorerPlugin({ showAttribution: false })];
  const storage = createStorage(headers);
  seed(storage);

  function Explorer() {
    const [current, setCurrent] = React.useState(headers);
    // GraphiQL reads the schema again when its fetcher changes: a token pasted later brings completion and docs with it.
    const token = authorization(parsed(current));
    const fetcher = React.useMemo(() => (params, options) => ask(params, options), [token]);
    return React.createElement(
      GraphiQL,
      {
        fetcher,
        plugins,
        storage,
        headers,
        defaultHeaders: current, // a new GraphiQL tab keeps the token
        defaultQuery: "",
        onEditHeaders: setCurrent,
        isHeadersEditorEnabled: true,
        shouldPersistHeaders: false,
        defaultEditorToolsVisibility: hasToken ? "variables" : "headers",
      },
      React.createElement(GraphiQL.Logo, null, React.createElement("span", { className: "explorer-brand" }, "Tally")),
    );
  }

  ReactDOM.createRoot(document.getElementById("explorer")).render(React.createElement(Explorer));
})();
