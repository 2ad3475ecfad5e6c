/*
 * Signs the user in with any OpenID Connect provider: authorization code with PKCE, by oidc-client-ts. Tokens stay in this
 * page's memory, so a reload ends the session here. The tab's storage holds a sign-in only while it is under way (its
 * PKCE verifier), and for that the whole page goes to the provider and comes back.
 */
"use strict";

const account = (() => {
  const RENEW_SECONDS = 30; // before the access token expires
  const IDENTITY_SCOPES = new Set(["openid", "profile", "email", "phone", "address", "offline_access"]);

  const configuration = document.querySelector('meta[name="tally-sign-in"]')?.content;
  const bar = document.getElementById("account");
  const element = (name) => bar.querySelector(`.account-${name}`);
  const listeners = new Set();
  let user = null;
  let problem = "";
  let blocked = ""; // why the page's policy stopped a request: it explains the problem that follows

  /** Without a resource server's prefix: `tally/reports:read` and `api://tally/reports:read` are `reports:read`. */
  const plain = (scope) => scope.slice(scope.lastIndexOf("/") + 1);
  const apiScopes = (scopes) => scopes.map(plain).filter((scope) => scope && !IDENTITY_SCOPES.has(scope));
  const words = (value) => (Array.isArray(value) ? value : String(value ?? "").split(" "));

  /** The payload of an access token that is a JWT; {} for an opaque one. */
  function claims(token) {
    try {
      const base64 = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
      return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))));
    } catch {
      return {};
    }
  }

  /** The scopes that the access token has: in all claims that the API reads, or else by the provider's answer. */
  function granted(signedIn) {
    const payload = claims(signedIn.access_token);
    const read = settings.scopeClaims.filter((name) => name in payload);
    const scopes = read.length ? read.flatMap((name) => words(payload[name])) : words(signedIn.scope);
    return [...new Set(apiScopes(scopes))];
  }

  const nameOf = ({ profile }) =>
    profile.name || profile.preferred_username || profile.email || profile["cognito:username"] || profile.sub;

  function status() {
    if (blocked || problem) return blocked || problem;
    if (!user) return "Not signed in";
    const has = granted(user);
    const lacks = apiScopes(words(settings.scopes)).filter((scope) => !has.includes(scope));
    return [`Signed in as ${nameOf(user)}`, has.join(" ") || "no scopes", lacks.length && `not granted: ${lacks.join(" ")}`]
      .filter(Boolean)
      .join(" · ");
  }

  function show() {
    element("status").textContent = status();
    element("status").classList.toggle("account-problem", (blocked || problem) !== "");
    element("sign-in").hidden = user !== null;
    element("sign-out").hidden = user === null;
    listeners.forEach((listener) => listener());
  }

  const fail = (what, error) => {
    problem = `${what}: ${error.error_description || error.message || error}`;
    show();
  };

  const attempt = (what, action) => async () => {
    try {
      problem = blocked = "";
      await action();
      show();
    } catch (error) {
      fail(what, error);
    }
  };

  if (!configuration) {
    return {
      configured: false,
      ready: Promise.resolve(),
      subject: () => "",
      signIn: async () => {},
      authorization: async () => "",
      onChange: () => {},
    };
  }

  const settings = JSON.parse(configuration);
  const page = new URL(settings.page, document.baseURI).href;
  const manager = new oidc.UserManager({
    authority: settings.issuer,
    client_id: settings.clientId,
    redirect_uri: page,
    post_logout_redirect_uri: page,
    scope: settings.scopes,
    extraQueryParams: settings.audience ? { audience: settings.audience } : {},
    userStore: new oidc.WebStorageStateStore({ store: new oidc.InMemoryWebStorage() }),
    stateStore: new oidc.WebStorageStateStore({ store: sessionStorage, prefix: "tally:sign-in:" }),
    automaticSilentRenew: false, // it would fall back to a frame, which needs third-party cookies
    accessTokenExpiringNotificationTimeInSeconds: RENEW_SECONDS,
    monitorSession: false,
  });

  /**
   * Get a new access token for the refresh token; without one the user signs in again when the access token expires. One
   * at a time: a provider that rotates refresh tokens takes a second use of one for a theft.
   */
  const renewOnce = attempt("Could not renew the session", async () => {
    if (user?.refresh_token) await manager.signinSilent();
  });
  let renewal = null;
  const renew = () => (renewal ??= renewOnce().finally(() => (renewal = null)));

  const signOut = attempt("Could not sign out", async () => {
    const { end_session_endpoint: endpoint, revocation_endpoint: revocation } = await manager.metadataService.getMetadata();
    if (revocation) await manager.revokeTokens(["refresh_token"]).catch(() => {}); // the session ends all the same
    const hint = user.id_token;
    await manager.removeUser();
    // `logout_uri` is Cognito's name for `post_logout_redirect_uri`.
    const cognito = { client_id: settings.clientId, logout_uri: page };
    if (endpoint) await manager.signoutRedirect({ id_token_hint: hint, extraQueryParams: cognito });
  });

  /** Leave for the provider; the page's own query, if it has one, is there again after coming back. */
  const signIn = attempt("Could not sign in", () => manager.signinRedirect({ state: location.search }));

  /** Finish a sign-in or sign-out that the provider has just sent back to this page. */
  const finish = attempt("Could not sign in", async () => {
    const answer = new URLSearchParams(location.search);
    if (!answer.has("state") && !answer.has("error")) return;
    const url = location.href;
    history.replaceState(null, "", page);
    if (!answer.has("state")) throw new Error(answer.get("error_description") ?? answer.get("error"));
    if (answer.has("code") || answer.has("error")) {
      const signedIn = await manager.signinCallback(url);
      if (signedIn?.state) history.replaceState(null, "", page + signedIn.state);
    }
  });

  manager.events.addUserLoaded((loaded) => {
    user = loaded;
    show();
  });
  manager.events.addUserUnloaded(() => {
    user = null;
    show();
  });
  manager.events.addAccessTokenExpiring(renew);
  manager.events.addAccessTokenExpired(() => {
    if (!user?.refresh_token) {
      user = null;
      problem = "The session has expired: sign in again";
      show();
    }
  });
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
    if (effectiveDirective === "connect-src") {
      blocked = `This page may not reach ${new URL(blockedURI).origin}: allow it by SignInOrigins (OIDC_ORIGINS)`;
      show();
    }
  });
  element("sign-in").addEventListener("click", signIn);
  element("sign-out").addEventListener("click", signOut);
  bar.hidden = false;
  show();
  const ready = finish();

  return {
    configured: true,

    /** Settled once a sign-in that was under way has ended, well or not. */
    ready,

    signIn,

    /** Who is signed in, or "": it changes with the user, not with a renewed token. */
    subject: () => user?.profile.sub ?? "",

    /** The `Authorization` header for a request, or "". A computer that slept renews here: its timers did not run. */
    async authorization() {
      if (user?.expired) await renew();
      return user && !user.expired ? `Bearer ${user.access_token}` : "";
    },

    onChange: (listener) => listeners.add(listener),
  };
})();
