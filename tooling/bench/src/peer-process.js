/**
 * Makes this process one that startPeer has started: it does what it is asked by messages, each a method with one argument. It ends,
 * after `close`, when it is told to, and when the bench is gone.
 */
export function servePeer(methods, close) {
  const end = async (code) => {
    await close();
    process.exit(code);
  };
  process.on('message', ({ id, method, argument }) => {
    if (method === 'close') return void end(0);
    methods[method](argument).then(
      (result) => process.send({ id, result }),
      (error) => process.send({ id, error: error.stack }),
    );
  });
  process.on('disconnect', () => void end(1));
  process.on('SIGTERM', () => void end(143));
  process.on('SIGINT', () => undefined); // the terminal tells the bench as well, which then closes this
}
