/** How the domain is set up. */
export interface IdentityOptions {
  /** Opens everything of the tenant `default`, and the platform; 32 characters or more. None when absent. */
  adminKey?: string;
  /** Lower case letters: part of every key's text, so that a key of one installation is told from that of another. */
  environment: string;
}

/** Injection token of IdentityOptions. */
export const IDENTITY_OPTIONS = Symbol('IDENTITY_OPTIONS');
