/**
 * HPKE (RFC 9180, base mode) by two packages that share no code, behind one shape, with the one
 * suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
 *
 *   generate()                        -> {publicKey: 32 bytes, keys}
 *   load(privateKey, publicKey)       -> the same of given bytes
 *   sender(publicKey, info)           -> {enc, seal(plain), exported(label, length)}
 *   recipient(keys, enc, info)        -> {open(sealed), exported(label, length)}
 */
import './webcrypto.js';
import * as panva from 'hpke';
import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';

function panvaEngine() {
    const suite = new panva.CipherSuite(panva.KEM_DHKEM_X25519_HKDF_SHA256, panva.KDF_HKDF_SHA256,
        panva.AEAD_AES_128_GCM);
    const context = (ctx) => ({
        exported: async (label, n) => Buffer.from(await ctx.Export(Buffer.from(label), n)),
    });

    return {
        name: 'hpke',
        async generate() {
            const keys = await suite.GenerateKeyPair();
            const publicKey = await suite.SerializePublicKey(keys.publicKey);
            return { keys, publicKey: Buffer.from(publicKey) };
        },
        async load(privateKey, publicKey) {
            const keys = {
                privateKey: await suite.DeserializePrivateKey(privateKey),
                publicKey: await suite.DeserializePublicKey(publicKey),
            };
            return { keys, publicKey };
        },
        async sender(publicKey, info) {
            const to = await suite.DeserializePublicKey(publicKey);
            const { encapsulatedSecret, ctx } = await suite.SetupSender(to, { info });
            return {
                ...context(ctx),
                enc: Buffer.from(encapsulatedSecret),
                seal: async (plain) => Buffer.from(await ctx.Seal(plain)),
            };
        },
        async recipient(keys, enc, info) {
            const ctx = await suite.SetupRecipient(keys, enc, { info });
            return { ...context(ctx), open: async (sealed) => Buffer.from(await ctx.Open(sealed)) };
        },
    };
}

function coreEngine() {
    const suite = new CipherSuite({
        kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm(),
    });
    const context = (ctx) => ({
        exported: async (label, n) => Buffer.from(await ctx.export(Buffer.from(label), n)),
    });

    return {
        name: '@hpke/core',
        async generate() {
            const keys = await suite.kem.generateKeyPair();
            const publicKey = await suite.kem.serializePublicKey(keys.publicKey);
            return { keys, publicKey: Buffer.from(publicKey) };
        },
        async load(privateKey, publicKey) {
            const keys = {
                privateKey: await suite.kem.deserializePrivateKey(privateKey),
                publicKey: await suite.kem.deserializePublicKey(publicKey),
            };
            return { keys, publicKey };
        },
        async sender(publicKey, info) {
            const recipientPublicKey = await suite.kem.deserializePublicKey(publicKey);
            const ctx = await suite.createSenderContext({ recipientPublicKey, info });
            return {
                ...context(ctx),
                enc: Buffer.from(ctx.enc),
                seal: async (plain) => Buffer.from(await ctx.seal(plain)),
            };
        },
        async recipient(keys, enc, info) {
            const ctx = await suite.createRecipientContext({ recipientKey: keys, enc, info });
            return { ...context(ctx), open: async (sealed) => Buffer.from(await ctx.open(sealed)) };
        },
    };
}

export const ENGINES = [panvaEngine(), coreEngine()];
