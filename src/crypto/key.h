/* P-256 signing keys (ES256: ECDSA with SHA-256, signature r || s of 64 bytes). */
#ifndef IDEVS_CRYPTO_KEY_H
#define IDEVS_CRYPTO_KEY_H

#include "base/buffer.h"
#include "base/error.h"

#define ES256_LEN      64
#define P256_POINT_LEN 65 /* uncompressed (SEC 1, 2.3.3): the end of an SPKI */
#define SPKI_LEN       91 /* DER SubjectPublicKeyInfo of an uncompressed P-256 point */

/* A key of any kind serves one thread at a time, also where it is const. */
struct key;        /* a private key; never serialised but by key_save() */
struct public_key; /* a P-256 public key */

struct key *key_generate(void);
/* PEM (PKCS#8 or SEC1), P-256 only. Refuses `tls.credentials`. */
struct key *key_load(struct bytes pem, struct idevs_error *ret_err);
/* PKCS#8 PEM: for keys of services, owners, platforms and authorities that live in files; never for
 * a program's key. */
bool key_save(const struct key *key, struct buffer *b) _must_check_;
void key_free(struct key *key); /* takes NULL */
DEFINE_CLEANUP(struct key *, key_free)
#define _cleanup_key_ _cleanup_(key_freep)

void key_spki(const struct key *key, uint8_t ret[SPKI_LEN]);
bool key_sign(const struct key *key, struct bytes message, uint8_t ret[ES256_LEN]) _must_check_;
/* The same signature as `openssl dgst -verify` reads it: appends DER (RFC 3279, 2.2.3), at most
 * ES256_DER_LEN bytes. */
#define ES256_DER_LEN 72
bool key_sign_der(const struct key *key, struct bytes message, struct buffer *b) _must_check_;

struct public_key *public_key_from_spki(struct bytes der); /* NULL: not exactly a P-256 key */
struct public_key *public_key_from_pem(struct bytes pem);  /* first PUBLIC KEY block */
struct public_key *public_key_of(const struct key *key);
void public_key_free(struct public_key *key);
DEFINE_CLEANUP(struct public_key *, public_key_free)
#define _cleanup_public_key_ _cleanup_(public_key_freep)
void public_key_spki(const struct public_key *key, uint8_t ret[SPKI_LEN]);
bool public_key_pem(const struct public_key *key, struct buffer *b) _must_check_;
bool public_key_verify(const struct public_key *key, struct bytes message,
                       const uint8_t signature[ES256_LEN]) _must_check_;
bool public_key_verify_der(const struct public_key *key, struct bytes message,
                           struct bytes signature) _must_check_;

/* X25519, for HPKE and the sealing of logs. */
#define X25519_LEN 32
struct x25519_key;
struct x25519_key *x25519_generate(void);
struct x25519_key *x25519_from_raw(const uint8_t raw[X25519_LEN]); /* vectors and key files */
struct x25519_key *x25519_load(struct bytes pem, struct idevs_error *ret_err);
bool x25519_save(const struct x25519_key *key, struct buffer *b) _must_check_;
void x25519_free(struct x25519_key *key);
DEFINE_CLEANUP(struct x25519_key *, x25519_free)
#define _cleanup_x25519_ _cleanup_(x25519_freep)
void x25519_public(const struct x25519_key *key, uint8_t ret[X25519_LEN]);
/* The first X25519 PUBLIC KEY block of a PEM file (owner.pub.pem holds a P-256 and an X25519 one).
 */
bool x25519_public_from_pem(struct bytes pem, uint8_t ret[X25519_LEN]) _must_check_;
bool x25519_public_pem(const uint8_t key[X25519_LEN], struct buffer *b) _must_check_;

#endif
