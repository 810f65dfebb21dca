// One HTTP exchange, with the path sent exactly as given, in the form that exchange.mjs checks.
import { request } from 'node:http';

export function send(base, { method, path, query, headers, body }, timeoutMs = 20000) {
  const { hostname, port } = new URL(base);
  const target = query ? `${path}?${query}` : path;
  return new Promise((resolve, reject) => {
    const req = request(
      { hostname, port, method, path: target, headers, timeout: timeoutMs },
      (res) => {
        const chunks = [];
        res.on('data', (chunk) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () =>
          resolve({
            method,
            path,
            query,
            request_headers: headers,
            request_body: body === undefined ? undefined : String(body),
            status: res.statusCode,
            headers: res.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    req.on('timeout', () => req.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    req.on('error', reject);
    req.end(body);
  });
}
