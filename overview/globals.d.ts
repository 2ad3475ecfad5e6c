/** What `web/account.js`, a script of its own before the modules, makes known on the page. */
declare const account: {
  configured: boolean;
  ready: Promise<void>;
  subject(): string;
  signIn(): Promise<void>;
  authorization(): Promise<string>;
  onChange(listener: () => void): void;
};
