/**
 * Who is asking: the token that a local gateway wrote into the page, or the user who signed in, by the script that the
 * explorer uses as well. Without either the page asks nothing.
 */

const given = document.querySelector('meta[name="tally-token"]')?.getAttribute("content") ?? "";

export const session = {
  /** Whether a user can sign in here. */
  canSignIn: account.configured && !given,

  /** Settled once a sign-in that was under way has ended. */
  ready: account.ready,

  signIn: () => account.signIn(),

  /** The `Authorization` header for a request, or "". */
  authorization: async () => (given ? `Bearer ${given}` : account.authorization()),

  /** Call `listener` when another user, or none, is signed in. @param {() => void} listener */
  onChange(listener) {
    let subject = account.subject();
    account.onChange(() => {
      if (subject === account.subject()) return;
      subject = account.subject();
      listener();
    });
  },
};
