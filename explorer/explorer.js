/*
 * Starts GraphiQL on this page. Three decisions: the page opens with a query that has an answer, a token never reaches the
 * browser's storage, and work belongs to the browser tab (a new tab starts with the first query, up to today).
 */
"use strict";

(() => {
  // Narrow enough to fit into half of a laptop's screen.
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
  reports(
    from: $firstDay, to: $lastDay, first: 5
  ) {
    totalCount
    freshness { source asOf stale }
    nodes {
      name format creationDate
      preview(first: 3) {
        state rowCount rows
        columns { name type sum }
      }
    }
  }
  creditOutcome(from: $from, to: $to) {
    rows { brand amount currency success failed }
    freshness { source asOf stale }
  }
}
`;

  const HOUR = 60 * 60 * 1000;
  const DAY = 24 * HOUR;
  const PLACEHOLDER = "<token>";
  const NO_TOKEN = {
    errors: [
      {
        message: account.configured
          ? "No token yet: sign in at the top of the page, or put an Authorization header under Headers."
          : `No token yet: put one under Headers, in the place of ${PLACEHOLDER}.`,
      },
    ],
  };

  // GraphiQL's names in storage: those of this browser tab, and its history, which would store the headers of each run
  // even with shouldPersistHeaders off.
  const PREFIX = "graphiql:";
  const perTab = new Set(["query", "variables", "operationName", "tabState"].map((name) => PREFIX + name));
  const history = new Set(["queries", "favorites"].map((name) => PREFIX + name));

  /**
   * The last seven UTC days and today so far, as instants for the credits and as days for the reports. Credits end at the
   * next full hour: an outcome is stored by its period, so pages that are opened within an hour share one.
   */
  function lastSevenDays(now) {
    const instant = (time) => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
    const day = (time) => instant(time).slice(0, 10);
    const start = now - (now % DAY) - 7 * DAY;
    const to = now - (now % HOUR) + HOUR;
    return { from: instant(start), to: instant(to), firstDay: day(start), lastDay: day(now) };
  }

  /** The first headers: the token that a local gateway wrote into the page, or a place for one; none where one signs in. */
  function firstHeaders() {
    const token = document.querySelector('meta[name="tally-token"]')?.content;
    if (account.configured && !token) return "{}";
    return JSON.stringify({ Authorization: `Bearer ${token || PLACEHOLDER}` }, null, 2);
  }

  /** The Authorization of the headers editor, or "" without one that could be sent. */
  function authorization(headers) {
    const found = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "authorization");
    const value = found ? String(found[1]) : "";
    return value.includes(PLACEHOLDER) ? "" : value;
  }

  function parsed(headersText) {
    try {
      return JSON.parse(headersText);
    } catch {
      return null; // half-typed: GraphiQL reports it when the query is run
    }
  }

  const replaceHeaders = (json, headers) =>
    JSON.stringify(JSON.parse(json), (key, value) => (key === "headers" ? headers : value));

  /** GraphiQL's storage; its history is written without headers, and read with this page's first ones. */
  function createStorage(headers) {
    const storageOf = (key) => (perTab.has(key) ? sessionStorage : localStorage);
    const ours = (storage) => Object.keys(storage).filter((key) => key.startsWith(PREFIX));
    return {
      getItem(key) {
        const value = storageOf(key).getItem(key);
        return value !== null && history.has(key) ? replaceHeaders(value, headers) : value;
      },
      setItem: (key, value) => storageOf(key).setItem(key, history.has(key) ? replaceHeaders(value, null) : value),
      removeItem: (key) => storageOf(key).removeItem(key),
      clear: () => [sessionStorage, localStorage].forEach((s) => ours(s).forEach((key) => s.removeItem(key))),
      get length() {
        return ours(sessionStorage).length + ours(localStorage).length;
      },
    };
  }

  /** Store the first query where GraphiQL looks for an earlier one: as a prop it would open another tab at each reload. */
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

  /** Send a request with the editor's token, or the signed-in user's; without one, explain instead of failing. */
  async function request(params, options) {
    const token = authorization(options?.headers) || (await account.authorization());
    if (!token) return NO_TOKEN;
    const others = Object.entries(options?.headers ?? {}).filter(([name]) => name.toLowerCase() !== "authorization");
    return send(params, { ...options, headers: { ...Object.fromEntries(others), Authorization: token } });
  }

  const headers = firstHeaders();
  const needsHeader = authorization(parsed(headers)) === "" && !account.configured;
  const plugins = [GraphiQLPluginExplorer.explorerPlugin({ showAttribution: false })];
  const storage = createStorage(headers);
  seed(storage);

  function Explorer() {
    const [current, setCurrent] = React.useState(headers);
    const [subject, setSubject] = React.useState(account.subject());
    React.useEffect(() => void account.onChange(() => setSubject(account.subject())), []);
    // GraphiQL reads the schema again when its fetcher changes: a token pasted later, or another user, brings completion
    // and documentation.
    const token = authorization(parsed(current));
    const fetcher = React.useMemo(() => (params, options) => request(params, options), [token, subject]);
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
        defaultEditorToolsVisibility: needsHeader ? "headers" : "variables",
      },
      React.createElement(GraphiQL.Logo, null, React.createElement("span", { className: "explorer-brand" }, "Tally")),
    );
  }

  ReactDOM.createRoot(document.getElementById("explorer")).render(React.createElement(Explorer));
})();
