/*
 * An OpenID Connect provider for the tests, by the certified `oidc-provider`: any name signs in without a password, and
 * "limited" is granted reports:read only, "refused" nothing. Settings come as JSON in the first argument.
 */
import { createServer } from "node:http";
import Provider from "oidc-provider";

const { port, page, accessTokenSeconds } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const RESOURCE = "urn:tally";
const HEAD = '<title>Provider</title><link rel="icon" href="data:,">';
const REFUSAL = { error: "invalid_scope", error_description: "credits:read is not for this user" };
const API_SCOPES = ["reports:read", "credits:read"];

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "explorer",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      redirect_uris: [page, new URL("overview", page).href],
      post_logout_redirect_uris: [page, new URL("overview", page).href],
    },
  ],
  scopes: ["openid", "profile", "offline_access"],
  claims: { openid: ["sub"], profile: ["name"] },
  conformIdTokenClaims: false,
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, name: `User ${id}` }) }),
  clientBasedCORS: (ctx, origin) => new URL(page).origin === origin,
  issueRefreshToken: () => true,
  // As Auth0 does for a user's role: beside the scopes, in a claim of their own, as a list.
  extraTokenClaims: (ctx, token) => (token.accountId === "permitted" ? { permissions: ["credits:read"] } : undefined),
  ttl: { AccessToken: accessTokenSeconds, IdToken: 600, Session: 600, Grant: 600, Interaction: 600, RefreshToken: 600 },
  cookies: { keys: ["tests"] },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant({ oidc }) {
    const accountId = oidc.session.accountId;
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId });
    grant.addOIDCScope("openid profile offline_access");
    const granted = ["limited", "permitted"].includes(accountId) ? ["reports:read"] : API_SCOPES;
    grant.addResourceScope(RESOURCE, granted.join(" "));
    grant.rejectResourceScope(RESOURCE, API_SCOPES.filter((scope) => !granted.includes(scope)).join(" "));
    await grant.save();
    return grant;
  },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: API_SCOPES.join(" "),
        audience: "tally",
        accessTokenFormat: "jwt",
        accessTokenTTL: accessTokenSeconds,
        jwt: { sign: { alg: "RS256" } },
      }),
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.body = `${HEAD}${form}<button form="op.logoutForm" name="logout" value="yes">Sign out here</button>`;
      },
    },
  },
});

const callback = provider.callback();
const body = async (request) => new URLSearchParams(Buffer.concat(await request.toArray()).toString());

createServer(async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return callback(request, response);
  if (request.method === "POST") {
    const accountId = (await body(request)).get("name");
    const result = accountId === "refused" ? REFUSAL : { login: { accountId } };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }
  response.setHeader("content-type", "text/html");
  response.end(`${HEAD}<form method="post"><input name="name"><button>Continue</button></form>`);
}).listen(port, "127.0.0.1");
