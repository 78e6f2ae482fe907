/* TPM 2.0 quotes (TPM 2.0 Library, Part 2: TPMS_ATTEST, TPMT_SIGNATURE; big endian), by an
 * attestation key (AK) that its maker certified, or that the operator names as trusted itself. */
#include "base/text.h"
#include "document/json.h"
#include "evidence/trust.h"

#include <stdio.h>

#define MAGIC      0xff544347u
#define ST_QUOTE   0x8018
#define ALG_SHA256 0x000b
#define ALG_SHA384 0x000c
#define ALG_RSASSA 0x0014
#define ALG_RSAPSS 0x0016
#define ALG_ECDSA  0x0018
#define PCRS       24
#define PCR_SELECT 3 /* bytes of the bit map */
#define DIGEST_MAX SHA384_LEN

struct quote {
    struct bytes nonce; /* extraData */
    uint64_t clock;     /* milliseconds */
    uint32_t reset_count;
    uint32_t restart_count;
    uint8_t safe;
    uint64_t firmware;
    uint16_t bank; /* hash of the registers */
    uint32_t selected;
    struct bytes digest;
};

struct signature {
    enum vendor_scheme scheme;
    uint16_t hash;
    uint8_t bytes[LIMIT_RSA_BITS_CEILING / 8];
    size_t len;
};

/* ---- reading ---- */

static bool take_sized(struct reader *r, struct bytes *ret)
{
    uint16_t len;

    return reader_u16(r, &len) && reader_bytes(r, len, ret);
}

/* One bank of registers; a quote may name several, ours name one. */
static bool read_selection(struct reader *r, struct quote *q)
{
    uint32_t banks;
    uint8_t size;
    struct bytes map;

    if (!reader_u32(r, &banks) || banks != 1 || !reader_u16(r, &q->bank) || !reader_u8(r, &size) ||
        size != PCR_SELECT || !reader_bytes(r, size, &map))
        return false;
    q->selected = (uint32_t)map.data[0] | (uint32_t)map.data[1] << 8 | (uint32_t)map.data[2] << 16;
    return q->selected != 0;
}

static bool read_quote(struct bytes in, struct quote *q)
{
    struct reader r = reader_of(in);
    uint32_t magic;
    uint16_t type;
    struct bytes signer;

    return reader_u32(&r, &magic) && magic == MAGIC && reader_u16(&r, &type) && type == ST_QUOTE &&
           take_sized(&r, &signer) && take_sized(&r, &q->nonce) && reader_u64(&r, &q->clock) &&
           reader_u32(&r, &q->reset_count) && reader_u32(&r, &q->restart_count) &&
           reader_u8(&r, &q->safe) && reader_u64(&r, &q->firmware) && read_selection(&r, q) &&
           take_sized(&r, &q->digest) && q->digest.len <= DIGEST_MAX && reader_left(&r) == 0;
}

static bool find_scheme(uint16_t algorithm, uint16_t hash, enum vendor_scheme *ret)
{
    static const struct {
        uint16_t algorithm;
        uint16_t hash;
        enum vendor_scheme scheme;
    } SCHEMES[] = {
        {ALG_RSASSA, ALG_SHA256, VENDOR_RS256}, {ALG_RSASSA, ALG_SHA384, VENDOR_RS384},
        {ALG_RSAPSS, ALG_SHA256, VENDOR_PS256}, {ALG_RSAPSS, ALG_SHA384, VENDOR_PS384},
        {ALG_ECDSA, ALG_SHA256, VENDOR_ES256},  {ALG_ECDSA, ALG_SHA384, VENDOR_ES384},
    };

    for (size_t i = 0; i < ARRAY_LEN(SCHEMES); i++)
        if (SCHEMES[i].algorithm == algorithm && SCHEMES[i].hash == hash) {
            *ret = SCHEMES[i].scheme;
            return true;
        }
    return false;
}

/* r and s, each without leading zeros, as r || s of the hash's length. */
static bool read_ecdsa(struct reader *r, struct signature *ret)
{
    size_t half = ret->hash == ALG_SHA384 ? SHA384_LEN : SHA256_LEN;

    ret->len = 2 * half;
    for (size_t i = 0; i < 2; i++) {
        struct bytes part;
        if (!take_sized(r, &part) || part.len > half)
            return false;
        memcpy(ret->bytes + (i + 1) * half - part.len, part.data, part.len);
    }
    return true;
}

/* TPMT_SIGNATURE; SHA-1 is none of the schemes. */
static bool read_signature(struct bytes in, struct signature *ret)
{
    struct reader r = reader_of(in);
    uint16_t algorithm;
    struct bytes rsa;

    *ret = (struct signature){.len = 0};
    if (!reader_u16(&r, &algorithm) || !reader_u16(&r, &ret->hash) ||
        !find_scheme(algorithm, ret->hash, &ret->scheme))
        return false;
    if (algorithm == ALG_ECDSA)
        return read_ecdsa(&r, ret) && reader_left(&r) == 0;
    if (!take_sized(&r, &rsa) || rsa.len > sizeof(ret->bytes) || reader_left(&r) != 0)
        return false;
    memcpy(ret->bytes, rsa.data, rsa.len);
    ret->len = rsa.len;
    return true;
}

/* ---- the parts: in one file as TPM2_Quote answers, or beside each other ---- */

/* TPM2B_ATTEST || TPMT_SIGNATURE; else all of it is the TPMS_ATTEST. */
static struct bytes split(struct bytes in, struct bytes *ret_signature)
{
    struct reader r = reader_of(in);
    struct bytes message;

    if (take_sized(&r, &message) && reader_left(&r) > 0 && message.len > 4) {
        *ret_signature = bytes_of(r.at, reader_left(&r));
        return message;
    }
    *ret_signature = bytes_of(NULL, 0);
    return in;
}

static bool find_signature(const struct endorsements *e, struct bytes inside, struct signature *ret,
                           struct idevs_error *ret_err)
{
    if (inside.len && read_signature(inside, ret))
        return true;
    for (size_t i = 0; !inside.len && i < e->n_documents; i++)
        if (read_signature(buffer_bytes(&e->documents[i].content), ret))
            return true;
    return refuse(
        ret_err, "evidence.endorsement",
        "no TPMT_SIGNATURE with SHA-256 or SHA-384, neither after the quote nor beside it");
}

/* ---- who signed ---- */

static bool is_signed_by(const struct vendor_key *key, struct bytes message,
                         const struct signature *s)
{
    return key && vendor_key_verify(key, s->scheme, message, bytes_of(s->bytes, s->len));
}

/* The certificate whose key signed; with several, the others are those above it. */
static const struct certificate *find_ak(const struct endorsements *e, struct bytes message,
                                         const struct signature *s)
{
    for (size_t i = 0; i < e->n_certificates; i++) {
        _cleanup_vendor_key_ struct vendor_key *key = vendor_key_of(e->certificates[i]);
        if (is_signed_by(key, message, s))
            return e->certificates[i];
    }
    return NULL;
}

static bool is_trusted_key(const struct endorsements *e, struct bytes message,
                           const struct signature *s)
{
    for (size_t i = 0; i < e->n_keys; i++)
        if (is_signed_by(e->keys[i], message, s))
            return true;
    return false;
}

static bool check_signer(const struct verification *v, struct bytes message,
                         const struct signature *s, struct claims *claims, struct buffer *ret_chain,
                         struct idevs_error *ret_err)
{
    const struct endorsements *e = v->endorsements;
    const struct signer signer = {.leaf = find_ak(e, message, s), .at = v->at};
    bool named = !signer.leaf && is_trusted_key(e, message, s);

    if (!claims_add_text(claims, "ak_trust", named ? "named by the operator" : "certified"))
        return refuse(ret_err, "internal", "too many claims");
    if (named)
        return true;
    if (e->n_certificates == 0 && e->n_keys == 0)
        return refuse(ret_err, "evidence.endorsement", "no certificate of an attestation key");
    if (!signer.leaf)
        return refuse(ret_err, "evidence.signature", "a quote that none of these keys signed");
    return trust_signer(e, &signer, ret_chain, ret_err);
}

/* ---- registers ---- */

/* A JSON document {"0": "hex", ...} with the registers' values; NULL: none came along. */
static json_t *find_registers(const struct endorsements *e)
{
    for (size_t i = 0; i < e->n_documents; i++) {
        struct idevs_error ignored;
        struct bytes text = buffer_bytes(&e->documents[i].content);
        json_t *j = text.len && text.data[0] == '{' ? json_object_from(text, &ignored) : NULL;
        if (j && json_object_get(j, "0"))
            return j;
        json_decref(j);
    }
    return NULL;
}

static bool append_register(const json_t *registers, unsigned i, size_t len, struct buffer *b)
{
    char name[8];
    uint8_t value[DIGEST_MAX];

    snprintf(name, sizeof(name), "%u", i);
    const char *hex = json_string_value(json_object_get(registers, name));
    return hex && hex_exactly(bytes_of_text(hex), value, len) && buffer_append(b, value, len);
}

/* pcrDigest is the hash of the selected registers in ascending order, and the hash is that of the
 * signature's scheme, not the bank's. */
static bool check_registers(const struct quote *q, uint16_t hash, const json_t *registers,
                            struct idevs_error *ret_err)
{
    size_t len = q->bank == ALG_SHA384 ? SHA384_LEN : SHA256_LEN;
    size_t digest_len = hash == ALG_SHA384 ? SHA384_LEN : SHA256_LEN;
    uint8_t digest[DIGEST_MAX];
    _cleanup_buffer_ struct buffer all = buffer_up_to((size_t)PCRS * DIGEST_MAX);

    for (unsigned i = 0; i < PCRS; i++)
        if (q->selected >> i & 1 && !append_register(registers, i, len, &all))
            return refuse(ret_err, "evidence.endorsement", "no value of register %u", i);
    (hash == ALG_SHA384 ? sha384 : sha256)(buffer_bytes(&all), digest);
    if (!bytes_equal(q->digest, bytes_of(digest, digest_len)))
        return refuse(ret_err, "evidence.measurement", "registers that were not quoted");
    return true;
}

/* ---- what it says ---- */

static bool add_quote(struct claims *c, const struct quote *q)
{
    char selected[96] = "";
    size_t used = 0;

    for (unsigned i = 0; i < PCRS; i++)
        if (q->selected >> i & 1)
            used += (size_t)snprintf(selected + used, sizeof(selected) - used, "%s%u",
                                     used ? "," : "", i);
    return claims_add_text(c, "technology", "TPM 2.0") &&
           claims_add_bytes(c, "measurement", q->digest) &&
           claims_add_bytes(c, "report_data", q->nonce) &&
           claims_add_text(c, "pcr_bank",
                           q->bank == ALG_SHA384   ? "sha384"
                           : q->bank == ALG_SHA256 ? "sha256"
                                                   : "another") &&
           claims_add_text(c, "pcr_selection", selected) &&
           claims_add_number(c, "clock_ms", q->clock) &&
           claims_add_number(c, "reset_count", q->reset_count) &&
           claims_add_number(c, "restart_count", q->restart_count) &&
           claims_add_flag(c, "clock_safe", q->safe) && claims_add_number(c, "tcb", q->firmware);
}

static bool check_content(const struct quote *q, const struct verification *v,
                          const struct signature *s, struct claims *claims,
                          struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *registers = find_registers(v->endorsements);

    if (q->bank != ALG_SHA256 && q->bank != ALG_SHA384)
        return refuse_expecting(ret_err, "evidence.malformed", "registers of SHA-256 or SHA-384",
                                "algorithm %04x", q->bank);
    if (!claims_add_flag(claims, "pcrs_verified", registers != NULL))
        return refuse(ret_err, "internal", "too many claims");
    if (registers && !check_registers(q, s->hash, registers, ret_err))
        return false;
    if (v->nonce.len && !bytes_equal(v->nonce, q->nonce))
        return refuse_expecting(ret_err, "evidence.freshness", "evidence over the given nonce",
                                "a nonce of %zu bytes", q->nonce.len);
    return true;
}

static bool verify(const struct verification *v, struct claims *ret, struct buffer *ret_chain,
                   struct idevs_error *ret_err)
{
    struct quote q = {0};
    struct signature s;
    struct bytes inside;
    struct bytes message = split(v->evidence, &inside);
    bool readable = read_quote(message, &q);

    if (v->evidence.len > LIMIT_HARDWARE_EVIDENCE || v->evidence.len < 64)
        return refuse_expecting(ret_err, "evidence.format", "a TPM quote", "%zu bytes",
                                v->evidence.len);
    if (readable && !add_quote(ret, &q))
        return refuse(ret_err, "internal", "too many claims");
    if (!find_signature(v->endorsements, inside, &s, ret_err) ||
        !check_signer(v, message, &s, ret, ret_chain, ret_err))
        return false;
    if (!readable)
        return refuse(ret_err, "evidence.malformed", "a signed message that is no TPM quote");
    return check_content(&q, v, &s, ret, ret_err);
}

const struct hardware_verifier hardware_tpm = {"tpm", verify};
