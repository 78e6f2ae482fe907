/** Our own programs around the tests: a gateway before a small service, and what they live on. */
import { spawn, execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Client, now } from './peer/client.js';
import { claimsOf, fromPem, issue, keyPair, makeCa, pem, programExtensions } from './peer/x509.js';

export const AUTHORITY = 'store.example:8443';
const DOMAIN = 'free-ride.example';
export const PROGRAM = `spiffe://${DOMAIN}/program/free-ride`;

function built(name) {
    const found = process.env[name];
    if (!found) throw new Error(`${name} is not set: run this through meson`);
    return found;
}

/** The program that our run-time is linked into. */
export function executable() {
    return built('IDEVS_PROGRAM');
}

export function folder() {
    return fs.mkdtempSync(path.join(os.tmpdir(), 'idevs-interop-'));
}

export function read(file) {
    return fs.readFileSync(file);
}

/** Credentials of services, made by our idevs-ca: {anchor, chain, key}. */
export class ServiceCa {
    constructor(where) {
        this.where = where;
        this.pem = path.join(where, 'services.pem');
        this.run('root', '--out', this.pem, '--key', path.join(where, 'services.key'), '--subject',
            'services CA');
        [this.anchor] = fromPem(read(this.pem).toString());
    }

    run(...command) {
        execFileSync(built('IDEVS_CA'), command, { stdio: ['ignore', 'ignore', 'pipe'] });
    }

    server(host, name = host) {
        const files = { cert: path.join(this.where, `${name}.pem`),
            key: path.join(this.where, `${name}.key`) };
        this.run('server', '--ca', this.pem, '--ca-key', path.join(this.where, 'services.key'),
            '--host', host, '--out', files.cert, '--key', files.key);
        return { files, chain: fromPem(read(files.cert).toString()),
            key: createPrivateKey(read(files.key)) };
    }
}

/** The CA of an assurance tier. */
export function makeTier() {
    return makeCa('isolated', { domain: DOMAIN });
}

/** A program certified by `tier`; claims, fields and extensions may be changed. */
export function makeProgram(tier, change = {}) {
    const { key, publicKey } = change.keys ?? keyPair();
    const at = now();
    const claims = claimsOf({ reads: [AUTHORITY], writes: [AUTHORITY], ...change.claims });
    const leaf = issue({ subject: 'free-ride', key, publicKey, issuer: tier, notBefore: at - 60,
        notAfter: at + 1800, ...change.fields,
        extensions: programExtensions({ uri: change.uri ?? PROGRAM, claims }, change.extensions) });
    return { ...leaf, chain: [leaf.certificate, tier.certificate] };
}

/** A service like any other: answers by path, and remembers what it was asked. */
export class Service {
    constructor() {
        this.asked = [];
        this.held = []; /* to call, each for one answer to /held */
        this.server = http.createServer((request, response) => this.answer(request, response));
    }

    async answer(request, response) {
        const parts = [];
        for await (const part of request) parts.push(part);
        const content = Buffer.concat(parts).toString();
        const { method, url, headers: fields } = request;
        this.asked.push({ method, path: url, fields, content });
        const [where] = url.split('?');
        if (where === '/close') return request.socket.destroy();
        if (where === '/garbage') return request.socket.end('garbage\r\n\r\n');
        if (where === '/held') await new Promise((go) => this.held.push(go));
        response.writeHead(where === '/missing' ? 404 : 200, { 'Content-Type': 'text/plain' });
        return response.end(`${method} ${url} ${content} #${this.asked.length}`);
    }

    async start() {
        await new Promise((ready) => this.server.listen(0, '127.0.0.1', ready));
        this.port = this.server.address().port;
    }

    stop() {
        this.server.closeAllConnections();
        return new Promise((done) => this.server.close(done));
    }
}

async function freePort() {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((ready) => server.once('listening', ready));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

function connects(port) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1', () => {
            socket.destroy();
            resolve(true);
        });
        socket.on('error', () => resolve(false));
    });
}

/** Until `holds` gives true, at most 10 s. */
export async function until(holds) {
    for (let tries = 0; !(await holds()); tries++) {
        if (tries > 500) throw new Error(`never came true: ${holds}`);
        await new Promise((go) => setTimeout(go, 20));
    }
}

/** An idevs-gateway before a Service, and a CA whose programs it serves. */
export class OurGateway {
    constructor(more = '') {
        this.where = folder();
        this.more = more;
        this.ca = new ServiceCa(this.where);
        this.tier = makeTier();
        this.program = makeProgram(this.tier);
        this.service = new Service();
    }

    configuration() {
        return `listen: 127.0.0.1:${this.port}
upstream: http://127.0.0.1:${this.service.port}
authority: ${AUTHORITY}
certificate: store.example.pem
key: store.example.key
program_anchors: [isolated.pem]
state: state
max_body: 128 KiB
upstream_timeout: 20
${this.more}`;
    }

    async start() {
        await this.service.start();
        this.port = await freePort();
        this.ca.server('store.example');
        const write = (name, text) => fs.writeFileSync(path.join(this.where, name), text);
        write('isolated.pem', pem([this.tier.certificate]));
        write('gateway.yaml', this.configuration());
        const log = fs.openSync(path.join(this.where, 'log'), 'a');
        this.process = spawn(built('IDEVS_GATEWAY'),
            ['--config', path.join(this.where, 'gateway.yaml')], { stdio: ['ignore', log, log] });
        await until(() => {
            if (this.process.exitCode === null) return connects(this.port);
            throw new Error(`no gateway: ${read(path.join(this.where, 'log'))}`);
        });
    }

    client(engine) {
        return new Client({ engine, authority: AUTHORITY, anchors: [this.ca.anchor],
            program: this.program,
            tls: { host: '127.0.0.1', port: this.port, servername: 'store.example',
                ca: read(this.ca.pem) } });
    }

    async stop() {
        const ended = new Promise((done) => this.process.once('exit', done));
        this.process.kill('SIGKILL');
        await ended;
        await this.service.stop();
        fs.rmSync(this.where, { recursive: true });
    }
}
