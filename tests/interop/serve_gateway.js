/**
 * The independent gateway as a daemon of its own, before a service over plain HTTP:
 *
 *   node serve_gateway.js '{"engine", "listen", "upstream", "authority", "certificate", "key",
 *                           "anchors"}'   port, URL, host:port, and PEM files
 *
 * At its end it says what it saw, for whoever started it.
 */
import { createPrivateKey } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { decode } from './peer/cbor.js';
import { ENGINES } from './peer/engines.js';
import { Gateway } from './peer/gateway.js';
import { GATEWAY_PATH } from './peer/ohttp.js';
import { fromPem } from './peer/x509.js';
import { read } from './ours.js';

/* Claims of docs/certificates.md. */
const MEASUREMENTS = 273;
const EXECUTABLE = 1;

const options = JSON.parse(process.argv[2]);
const certificates = (file) => fromPem(read(file).toString());

async function contentOf(stream) {
    const parts = [];
    for await (const part of stream) parts.push(part);
    return Buffer.concat(parts);
}

/** The request as the service sees it: what was signed, and who signed it. */
function forward({ method, path, type, key, program, content }) {
    const headers = { 'Idevs-Program': program, 'Content-Length': Buffer.byteLength(content),
        ...(type && { 'Content-Type': type }), ...(key && { 'Idempotency-Key': key }) };
    return new Promise((resolve, reject) => {
        const request = http.request(new URL(path, options.upstream), { method, headers },
            async (response) => resolve({ status: response.statusCode,
                type: response.headers['content-type'], content: await contentOf(response) }));
        request.on('error', reject);
        request.end(content);
    });
}

const gateway = new Gateway({
    engine: ENGINES.find(({ name }) => name === options.engine),
    authority: options.authority,
    chain: certificates(options.certificate),
    key: createPrivateKey(read(options.key)),
    anchors: options.anchors.flatMap(certificates),
    service: forward,
});

async function serve(request, response) {
    const { headers, method } = request;
    const content = await contentOf(request);
    if (request.url !== GATEWAY_PATH) return response.writeHead(404).end();
    if (method === 'GET') {
        const keys = await gateway.keysMessage();
        return response.writeHead(keys.status, Object.fromEntries(keys.fields)).end(keys.content);
    }
    const answer = await gateway.answer({ type: headers['content-type'], content,
        clientCert: headers['client-cert'], clientCertChain: headers['client-cert-chain'] });
    return response.writeHead(answer.status, { 'Content-Type': answer.type }).end(answer.content);
}

await gateway.start();
https.createServer({ cert: read(options.certificate), key: read(options.key) }, serve)
    .listen(options.listen, '127.0.0.1');
process.on('SIGTERM', () => {
    const measurements = [...gateway.callers].map(([program, claims]) => {
        const [[, digests]] = claims.get(MEASUREMENTS);
        return [program, decode(digests).get(EXECUTABLE).toString('hex')];
    });
    console.log(JSON.stringify({ accepted: gateway.claimed.size, opened: gateway.requests.length,
        executables: Object.fromEntries(measurements) }));
    process.exit(0);
});
