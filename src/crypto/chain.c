/* Chains: PEM, and RFC 5280 path validation through OpenSSL. */
#include "base/limits.h"
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/handles.h"
#include "crypto/pem.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define SECURITY_LEVEL 2 /* 112 bits: no SHA-1, no RSA below 2048 */

void chain_free(struct chain *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        certificate_free(chain->at[i]);
    *chain = (struct chain){.n = 0};
}

static bool add_block(struct chain *chain, const char *label, const struct buffer *der, bool prose,
                      struct idevs_error *ret_err)
{
    if (prose || strcmp(label, "CERTIFICATE") != 0)
        return refuse(ret_err, "certificate.malformed", "%s",
                      prose ? "text between the certificates" : label);
    if (chain->n == LIMIT_CHAIN)
        return refuse(ret_err, "certificate.malformed", "more than %d certificates", LIMIT_CHAIN);
    chain->at[chain->n] = certificate_parse(buffer_bytes(der), ret_err);
    return chain->at[chain->n++] != NULL;
}

bool chain_from_pem(struct bytes pem, struct chain *ret, struct idevs_error *ret_err)
{
    struct reader r = reader_of(pem);
    char label[LIMIT_PEM_LABEL];
    bool prose;
    _cleanup_chain_ struct chain made = {.n = 0};
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    if (pem.len > LIMIT_PEM_CHAIN)
        return refuse(ret_err, "certificate.malformed", "%zu bytes of PEM", pem.len);
    while (pem_next(&r, label, &der, &prose))
        if (!add_block(&made, label, &der, prose, ret_err))
            return false;
    if (reader_left(&r) || made.n == 0)
        return refuse(ret_err, "certificate.malformed", "%s",
                      made.n ? "text after the certificates" : "no certificate in PEM");
    *ret = made;
    made.n = 0;
    return true;
}

bool chain_to_pem(const struct chain *chain, struct buffer *b)
{
    for (size_t i = 0; i < chain->n; i++)
        if (!pem_write("CERTIFICATE", certificate_der(chain->at[i]), b))
            return false;
    return true;
}

/* ---- the profile of a leaf ---- */

static bool is_program(const struct certificate *leaf, struct idevs_error *ret_err)
{
    char uri[LIMIT_PROGRAM_URI];
    struct bytes cmw;

    if (X509_get_key_usage(leaf->x509) != KU_DIGITAL_SIGNATURE)
        return refuse(ret_err, "certificate.malformed", "another keyUsage than digitalSignature");
    if (X509_get_extended_key_usage(leaf->x509) != XKU_SSL_CLIENT)
        return refuse(ret_err, "certificate.malformed", "another extKeyUsage than clientAuth");
    if (!certificate_uri(leaf, uri, sizeof(uri)))
        return refuse(ret_err, "certificate.malformed", "another subjectAltName than one URI");
    if (!certificate_cmw(leaf, &cmw))
        return refuse(ret_err, "certificate.malformed", "no attestation result (id-pe-cmw)");
    return true;
}

/* An absent keyUsage or extKeyUsage restricts nothing (RFC 5280, 4.2.1.3 and 4.2.1.12): OpenSSL
 * then answers with all bits set. */
static bool is_service(const struct certificate *leaf, struct idevs_error *ret_err)
{
    if (!(X509_get_key_usage(leaf->x509) & KU_DIGITAL_SIGNATURE))
        return refuse(ret_err, "certificate.malformed", "a keyUsage without digitalSignature");
    if (!(X509_get_extended_key_usage(leaf->x509) & XKU_SSL_SERVER))
        return refuse(ret_err, "certificate.malformed", "an extKeyUsage without serverAuth");
    return true;
}

static bool leaf_fits(const struct certificate *leaf, enum chain_purpose purpose,
                      struct idevs_error *ret_err)
{
    if (!leaf->key)
        return refuse(ret_err, "certificate.malformed", "a leaf whose key is not P-256");
    if (X509_get_extension_flags(leaf->x509) & EXFLAG_CA)
        return refuse(ret_err, "certificate.malformed", "a CA's certificate as leaf");
    return purpose == CHAIN_PROGRAM ? is_program(leaf, ret_err) : is_service(leaf, ret_err);
}

/* ---- the path ---- */

struct path {
    X509_STORE *anchors;
    X509_STORE_CTX *ctx;
    STACK_OF(X509) * others; /* borrowed certificates */
};

static void path_free(struct path *p)
{
    X509_STORE_CTX_free(p->ctx);
    sk_X509_free(p->others);
    X509_STORE_free(p->anchors);
}

static bool add_anchors(struct path *p, const struct bytes *anchors, size_t n,
                        struct idevs_error *ret_err)
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_certificate_ struct certificate *anchor = certificate_parse(anchors[i], ret_err);
        if (!anchor)
            return false;
        if (!X509_STORE_add_cert(p->anchors, anchor->x509))
            crypto_is_broken();
    }
    return true;
}

static void prepare(struct path *p, const struct chain *chain, enum chain_purpose purpose,
                    int64_t now)
{
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;

    /* Our own authority writes what the strict reading asks for; other CAs may not. */
    if (purpose == CHAIN_PROGRAM)
        flags |= X509_V_FLAG_X509_STRICT;
    for (size_t i = 1; i < chain->n; i++)
        if (!sk_X509_push(p->others, chain->at[i]->x509))
            crypto_is_broken();
    if (!X509_STORE_CTX_init(p->ctx, p->anchors, chain->at[0]->x509, p->others))
        crypto_is_broken();
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(p->ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)now);
    X509_VERIFY_PARAM_set_depth(param, LIMIT_CHAIN);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    if (!X509_VERIFY_PARAM_set_flags(param, flags) ||
        !X509_VERIFY_PARAM_set_purpose(param, purpose == CHAIN_PROGRAM ? X509_PURPOSE_SSL_CLIENT
                                                                       : X509_PURPOSE_SSL_SERVER))
        crypto_is_broken();
}

static bool refuse_path(X509_STORE_CTX *ctx, struct idevs_error *ret_err)
{
    int error = X509_STORE_CTX_get_error(ctx);
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    bool time = error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;

    return refuse(ret_err, time ? "certificate.expired" : "certificate.chain",
                  "%s (certificate %d above the leaf)", X509_verify_cert_error_string(error),
                  depth);
}

/* The profile of docs/certificates.md for every certificate of a program's path. */
static bool path_is_es256(const X509_STORE_CTX *ctx, struct idevs_error *ret_err)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
    uint8_t spki[SPKI_LEN];

    for (int i = 0; i < sk_X509_num(path); i++) {
        const X509 *x509 = sk_X509_value(path, i);
        if (X509_get_signature_nid(x509) != NID_ecdsa_with_SHA256 ||
            !spki_of(X509_get0_pubkey(x509), spki))
            return refuse(ret_err, "certificate.chain",
                          "another algorithm than P-256 with SHA-256");
    }
    return true;
}

/* scheme://authority of a URI. */
static struct bytes origin_of(const char *uri)
{
    const char *rest = strstr(uri, "://");

    return bytes_of(uri, rest ? (size_t)(rest - uri) + 3 + strcspn(rest + 3, "/") : strlen(uri));
}

/* A CA that names a trust domain certifies within it alone (X509-SVID, 3.1): of several authorities
 * that a service accepts, none can name the programs of another. */
static bool stays_in_its_domain(const struct path *p, const struct certificate *leaf,
                                struct idevs_error *ret_err)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(p->ctx);
    char own[LIMIT_PROGRAM_URI];
    char above[LIMIT_PROGRAM_URI];

    if (!certificate_uri(leaf, own, sizeof(own)))
        return refuse(ret_err, "certificate.malformed", "another subjectAltName than one URI");
    for (int i = 1; i < sk_X509_num(path); i++) {
        const struct certificate ca = {.x509 = sk_X509_value(path, i)};
        if (certificate_uri(&ca, above, sizeof(above)) &&
            !bytes_equal(origin_of(own), origin_of(above)))
            return refuse(ret_err, "certificate.chain", "%s, by an issuer of %s", own, above);
    }
    return true;
}

bool chain_verify(const struct chain *chain, const struct bytes *anchors, size_t n_anchors,
                  enum chain_purpose purpose, int64_t now, struct idevs_error *ret_err)
{
    if (chain->n == 0)
        return refuse(ret_err, "certificate.malformed", "an empty chain");
    if (!leaf_fits(chain->at[0], purpose, ret_err))
        return false;
    __attribute__((cleanup(path_free))) struct path p = {X509_STORE_new(), X509_STORE_CTX_new(),
                                                         sk_X509_new_null()};
    if (!p.anchors || !p.ctx || !p.others)
        crypto_is_broken();
    if (!add_anchors(&p, anchors, n_anchors, ret_err))
        return false;
    prepare(&p, chain, purpose, now);
    bool ok = X509_verify_cert(p.ctx) == 1;
    ERR_clear_error();
    if (!ok)
        return refuse_path(p.ctx, ret_err);
    return purpose != CHAIN_PROGRAM ||
           (path_is_es256(p.ctx, ret_err) && stays_in_its_domain(&p, chain->at[0], ret_err));
}
