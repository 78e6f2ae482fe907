/**
 * The independent gateway refuses what the page says as well: so our run-time is not let through by
 * a lax peer, and the page says enough to write such a gateway.
 */
import { before, describe, it } from 'node:test';
import { Client, now } from './peer/client.js';
import { ENGINES } from './peer/engines.js';
import { Gateway } from './peer/gateway.js';
import { decodeKeys, encodeKeys } from './peer/ohttp.js';
import { keyPair } from './peer/x509.js';
import { AUTHORITY, makeProgram, makeTier } from './ours.js';
import { Judge } from './page.js';
import { refusals } from './refusals.js';

/* It has no limits of size and no policy but the certificate's. */
const ITS_OWN = /^(bhttp|certificate|exchange|request|policy\.(reads|writes))\b/;

/** The client, with the gateway in the same process. */
class NearClient extends Client {
    async post(sealed, change) {
        const headers = this.headers(change);
        const { status, type, content } = await this.gateway.answer({ content: sealed,
            type: headers['Content-Type'], clientCert: String(headers['Client-Cert']),
            clientCertChain: headers['Client-Cert-Chain'] });
        return { status, fields: [['content-type', type]], content };
    }
}

for (const engine of ENGINES) {
    describe(`a gateway on ${engine.name} refuses`, () => {
        const tier = makeTier();
        const program = makeProgram(tier);
        const client = new NearClient({ engine, authority: AUTHORITY, program });

        before(async () => {
            client.gateway = new Gateway({ engine, authority: AUTHORITY, key: keyPair().key,
                anchors: [tier.certificate], service: () => ({ status: 200, content: '' }) });
            await client.gateway.start();
            client.config = decodeKeys(encodeKeys([client.gateway.config]));
        });

        it('what one request can do wrong', async (t) => {
            const judge = new Judge();
            const other = (await engine.generate()).publicKey;
            const { config } = client;
            for (const one of refusals({ tier, program, config, other })) {
                if (!ITS_OWN.test(one.code)) continue;
                await t.test(one.claim, async () => {
                    const answer = await client.exchange(one.request, one.change);
                    judge.expect(answer, one.code, { sealed: one.sealed });
                });
            }
        });

        it('a request that was accepted before: exchange.claimed', async () => {
            const { exchange, sealed } = await client.seal({ method: 'GET', path: '/' });
            await client.post(sealed, {});
            new Judge().expect(await client.open(exchange, await client.post(sealed, {})),
                'exchange.claimed');
        });
    });
}
