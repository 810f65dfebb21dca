// proxy.mjs PORT-FILE SOCKET: hands every connection on to a unix socket and says in PORT-FILE where it listens.
// Stopped with SIGSTOP it is a network that swallows everything; killed, one that refuses.
import { createServer, connect } from 'node:net';
import { writeFileSync, renameSync } from 'node:fs';

const [portFile, socket, port = '0'] = process.argv.slice(2);
const server = createServer((client) => {
    const end = connect(socket);
    for (const [from, to] of [[client, end], [end, client]]) {
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
    }
});
server.listen(Number(port), '127.0.0.1', () => {
    writeFileSync(`${portFile}.new`, String(server.address().port));
    renameSync(`${portFile}.new`, portFile);
});
