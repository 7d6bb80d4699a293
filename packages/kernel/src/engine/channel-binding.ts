import type pg from 'pg';

/** What is used of pg's connection: the messages of the login as events, and the socket. */
export interface LoginMessages {
  on(message: string, listener: (message: { mechanisms?: readonly string[] }) => void): unknown;
  emit(message: 'error', error: Error): unknown;
  stream: { destroy(): unknown };
}

const BOUND = 'SCRAM-SHA-256-PLUS';

/**
 * Cuts a connection whose login is not bound to its TLS channel (RFC 5929, tls-server-end-point), before a password goes out.
 * pg by itself binds where the server offers it, and does without where somebody in between took the offer away.
 */
export function requireChannelBinding(connection: LoginMessages): void {
  let offered = false;
  let proven = false;
  const refuse = (why: string) => {
    // In this order: a server that lets in at once is ready in the same packet, and the client must not take it as connected.
    connection.emit('error', new Error(`channel_binding=require, but ${why}`));
    connection.stream.destroy();
  };
  connection.on('authenticationCleartextPassword', () => refuse('the server asks for the password itself'));
  connection.on('authenticationMD5Password', () => refuse('the server asks for an MD5 of the password'));
  connection.on('authenticationSASL', ({ mechanisms = [] }) => {
    offered = mechanisms.includes(BOUND);
    if (!offered) refuse(`the server offers ${mechanisms.join(', ')} and not ${BOUND}`);
  });
  connection.on('authenticationSASLFinal', () => (proven = offered));
  connection.on('authenticationOk', () => {
    if (!proven) refuse('the server let us in without it');
  });
}

/** The client, with logins that are bound to their channel alone. */
export const bound = (Client: typeof pg.Client): typeof pg.Client =>
  class BoundClient extends Client {
    constructor(config?: pg.ClientConfig) {
      super(config);
      requireChannelBinding(this.connection);
    }
  };
