/* AWS Nitro Enclaves: attestation documents (aws-nitro-enclaves-nsm-api, attestation_process.md).
 * A COSE_Sign1 with ES384, by a certificate that lives three hours and comes along with its chain.
 */
#include "evidence/trust.h"
#include "wire/cbor.h"
#include "wire/cose.h"

#define TAG_SIGN1  18
#define PCR_LEN    48 /* SHA-384: all that Nitro uses */
#define PCRS       32
#define ES384_LEN  96
#define DEBUG_PCRS 3 /* PCR0 to PCR2 of an enclave in debug mode are zero */

/* {1: -35}: ES384 and nothing else. */
static const uint8_t PROTECTED[] = {0xa1, 0x01, 0x38, 0x22};

struct envelope {
    struct bytes payload;
    struct bytes signature;
};

struct document {
    struct bytes module_id;
    struct bytes digest;
    uint64_t timestamp; /* milliseconds */
    struct bytes pcrs[PCRS];
    size_t n_pcrs;
    struct bytes certificate;
    struct bytes cas[LIMIT_EVIDENCE_CHAIN];
    size_t n_cas;
    struct bytes public_key;
    struct bytes user_data;
    struct bytes nonce;
};

/* ---- reading ---- */

static bool read_envelope(struct bytes in, struct envelope *ret)
{
    struct reader r = reader_of(in);
    struct bytes protected;
    uint64_t tag = TAG_SIGN1;
    size_t n;

    (void)!cbor_get_tag(&r, &tag); /* usually left out */
    return tag == TAG_SIGN1 && cbor_get_array(&r, &n) && n == 4 && cbor_get_bytes(&r, &protected) &&
           bytes_equal(protected, bytes_of(PROTECTED, sizeof(PROTECTED))) && cbor_get_map(&r, &n) &&
           n == 0 && cbor_get_bytes(&r, &ret->payload) && cbor_get_bytes(&r, &ret->signature) &&
           ret->signature.len == ES384_LEN && reader_left(&r) == 0;
}

static bool read_text(struct reader *r, struct bytes *ret)
{
    return cbor_get_text(r, ret) && ret->len > 0 && ret->len < LIMIT_NITRO_TEXT;
}

static bool read_optional(struct reader *r, struct bytes *ret)
{
    return cbor_get_null(r) || (cbor_get_bytes(r, ret) && ret->len <= LIMIT_NITRO_FIELD);
}

/* Registers in ascending order, each once. */
static bool read_pcrs(struct reader *r, struct document *d)
{
    size_t n;
    uint64_t index;
    uint64_t next = 0;

    if (!cbor_get_map(r, &n) || n == 0 || n > PCRS)
        return false;
    for (size_t i = 0; i < n; i++, next = index + 1) {
        if (!cbor_get_uint(r, &index) || index < next || index >= PCRS ||
            !cbor_get_bytes(r, &d->pcrs[index]) || d->pcrs[index].len != PCR_LEN)
            return false;
        d->n_pcrs++;
    }
    return true;
}

static bool read_cas(struct reader *r, struct document *d)
{
    if (!cbor_get_array(r, &d->n_cas) || d->n_cas == 0 || d->n_cas > LIMIT_EVIDENCE_CHAIN)
        return false;
    for (size_t i = 0; i < d->n_cas; i++)
        if (!cbor_get_bytes(r, &d->cas[i]))
            return false;
    return true;
}

static const char *const FIELDS[] = {"module_id",   "digest",   "timestamp",  "pcrs",     "nonce",
                                     "certificate", "cabundle", "public_key", "user_data"};

static bool read_field(struct reader *r, size_t field, struct document *d)
{
    switch (field) {
    case 0:
        return read_text(r, &d->module_id);
    case 1:
        return read_text(r, &d->digest);
    case 2:
        return cbor_get_uint(r, &d->timestamp);
    case 3:
        return read_pcrs(r, d);
    case 4:
        return read_optional(r, &d->nonce);
    case 5:
        return cbor_get_bytes(r, &d->certificate);
    case 6:
        return read_cas(r, d);
    case 7:
        return read_optional(r, &d->public_key);
    case 8:
        return read_optional(r, &d->user_data);
    default:
        return false;
    }
}

/* The three optional fields may be null or left out. */
static bool is_complete(unsigned seen)
{
    const unsigned required = 1U << 0 | 1U << 1 | 1U << 2 | 1U << 3 | 1U << 5 | 1U << 6;

    return (seen & required) == required;
}

static bool read_document(struct bytes payload, struct document *ret)
{
    struct reader r = reader_of(payload);
    struct bytes name;
    size_t left = ARRAY_LEN(FIELDS);
    unsigned seen = 0;
    bool open = cbor_get_indefinite_map(&r);

    if (!open && (!cbor_get_map(&r, &left) || left > ARRAY_LEN(FIELDS)))
        return false;
    for (; left > 0 && !(open && cbor_get_break(&r)); left--) {
        size_t field = 0;
        if (!cbor_get_text(&r, &name))
            return false;
        while (field < ARRAY_LEN(FIELDS) && !bytes_equal_text(name, FIELDS[field]))
            field++;
        if (seen >> field & 1 || !read_field(&r, field, ret))
            return false;
        seen |= 1U << field;
    }
    if (open && left == 0 && !cbor_get_break(&r))
        return false;
    return is_complete(seen) && reader_left(&r) == 0;
}

/* ---- certificates ---- */

struct certificates {
    struct certificate *leaf;
    struct certificate *cas[LIMIT_EVIDENCE_CHAIN];
    size_t n_cas;
};

static void certificates_release(struct certificates *c)
{
    certificate_free(c->leaf);
    for (size_t i = 0; i < c->n_cas; i++)
        certificate_free(c->cas[i]);
}

static bool parse_certificates(const struct document *d, struct certificates *ret,
                               struct idevs_error *ret_err)
{
    ret->leaf = certificate_parse(d->certificate, ret_err);
    if (!ret->leaf)
        return false;
    for (size_t i = 0; i < d->n_cas; i++) {
        ret->cas[i] = certificate_parse(d->cas[i], ret_err);
        if (!ret->cas[i])
            return false;
        ret->n_cas++;
    }
    return true;
}

static bool check_signer(const struct verification *v, const struct document *d,
                         const struct envelope *e, struct buffer *ret_chain,
                         struct idevs_error *ret_err)
{
    __attribute__((cleanup(certificates_release))) struct certificates c = {0};
    _cleanup_buffer_ struct buffer text = buffer_up_to(e->payload.len + LIMIT_COSE_HEADERS);

    if (!parse_certificates(d, &c, ret_err))
        return false;
    const struct signer signer = {
        .leaf = c.leaf,
        .inside = (const struct certificate *const *)c.cas,
        .n_inside = c.n_cas,
        .maker = MAKER_AWS,
        .at = v->at,
    };
    if (!trust_signer(v->endorsements, &signer, ret_chain, ret_err))
        return false;
    _cleanup_vendor_key_ struct vendor_key *key = vendor_key_of(c.leaf);
    if (key &&
        cose_to_sign(bytes_of(PROTECTED, sizeof(PROTECTED)), bytes_of("", 0), e->payload, &text) &&
        vendor_key_verify(key, VENDOR_ES384, buffer_bytes(&text), e->signature))
        return true;
    return refuse(ret_err, "evidence.signature", "a document that this key did not sign");
}

/* ---- what it says ---- */

static bool is_debug(const struct document *d)
{
    uint8_t all = 0;

    for (size_t i = 0; i < DEBUG_PCRS; i++)
        for (size_t j = 0; j < d->pcrs[i].len; j++)
            all |= d->pcrs[i].data[j];
    return all == 0;
}

static bool add_text(struct claims *c, const char *name, struct bytes value)
{
    char text[LIMIT_NITRO_TEXT];

    memcpy(text, value.data, value.len);
    text[value.len] = 0;
    return claims_add_text(c, name, text);
}

static bool add_document(struct claims *c, const struct document *d)
{
    static const char *const NAMES[PCRS] = {
        "pcr0",  "pcr1",  "pcr2",  "pcr3",  "pcr4",  "pcr5",  "pcr6",  "pcr7",
        "pcr8",  "pcr9",  "pcr10", "pcr11", "pcr12", "pcr13", "pcr14", "pcr15",
        "pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22", "pcr23",
        "pcr24", "pcr25", "pcr26", "pcr27", "pcr28", "pcr29", "pcr30", "pcr31"};
    bool ok =
        claims_add_text(c, "technology", "AWS Nitro Enclaves") &&
        claims_add_bytes(c, "measurement", d->pcrs[0]) &&
        claims_add_bytes(c, "report_data", d->nonce) && claims_add_flag(c, "debug", is_debug(d)) &&
        add_text(c, "module_id", d->module_id) && add_text(c, "digest", d->digest) &&
        claims_add_number(c, "timestamp_ms", d->timestamp) &&
        claims_add_bytes(c, "public_key", d->public_key) &&
        claims_add_bytes(c, "user_data", d->user_data) && claims_add_bytes(c, "nonce", d->nonce);

    for (size_t i = 0; i < PCRS; i++)
        ok = ok && (d->pcrs[i].len == 0 || claims_add_bytes(c, NAMES[i], d->pcrs[i]));
    return ok;
}

/* The nonce is the whole field here, not its beginning. */
static bool check_nonce(struct bytes wanted, struct bytes nonce, struct idevs_error *ret_err)
{
    if (wanted.len == 0 || bytes_equal(wanted, nonce))
        return true;
    return refuse_expecting(ret_err, "evidence.freshness", "evidence over the given nonce",
                            "a nonce of %zu bytes", nonce.len);
}

static bool verify(const struct verification *v, struct claims *ret, struct buffer *ret_chain,
                   struct idevs_error *ret_err)
{
    struct envelope e;
    struct document d = {.n_pcrs = 0};

    if (v->evidence.len > LIMIT_HARDWARE_EVIDENCE || !read_envelope(v->evidence, &e))
        return refuse_expecting(ret_err, "evidence.format", "a COSE_Sign1 with ES384", "%zu bytes",
                                v->evidence.len);
    if (!read_document(e.payload, &d) || !bytes_equal_text(d.digest, "SHA384"))
        return refuse(ret_err, "evidence.malformed", "a payload that is no attestation document");
    if (!add_document(ret, &d))
        return refuse(ret_err, "internal", "too many claims");
    if (!check_signer(v, &d, &e, ret_chain, ret_err))
        return false;
    if (is_debug(&d) && !v->allow_debug)
        return refuse(ret_err, "policy.debug", "an enclave in debug mode: PCR0 to PCR2 are zero");
    return check_nonce(v->nonce, d.nonce, ret_err);
}

const struct hardware_verifier hardware_nitro = {"nitro", verify};
