#include "evidence/endorsements.h"
#include "crypto/pem.h"

#include <stdio.h>

#define DER_SEQUENCE_HEAD 0x30

void endorsements_release(struct endorsements *e)
{
    for (size_t i = 0; i < e->n_certificates; i++)
        certificate_free(e->certificates[i]);
    for (size_t i = 0; i < e->n_roots; i++)
        certificate_free(e->roots[i]);
    for (size_t i = 0; i < e->n_keys; i++)
        vendor_key_free(e->keys[i]);
    for (size_t i = 0; i < e->n_crls; i++)
        crl_free(e->crls[i]);
    for (size_t i = 0; i < e->n_documents; i++)
        buffer_free(&e->documents[i].content);
    *e = (struct endorsements){0};
}

static bool has_room(size_t n, struct idevs_error *ret_err)
{
    return n < LIMIT_ENDORSEMENTS ||
           refuse(ret_err, "evidence.endorsement", "more than %d of one kind", LIMIT_ENDORSEMENTS);
}

static bool add_certificate(struct endorsements *e, struct bytes der, struct idevs_error *ret_err)
{
    if (!has_room(e->n_certificates, ret_err))
        return false;
    struct certificate *c = certificate_parse(der, ret_err);
    if (c)
        e->certificates[e->n_certificates++] = c;
    return c != NULL;
}

static bool add_crl(struct endorsements *e, struct bytes der, struct idevs_error *ret_err)
{
    if (!has_room(e->n_crls, ret_err))
        return false;
    struct crl *crl = crl_parse(der, ret_err);
    if (crl)
        e->crls[e->n_crls++] = crl;
    return crl != NULL;
}

static bool add_root(struct endorsements *e, struct bytes der, struct idevs_error *ret_err)
{
    if (!has_room(e->n_roots, ret_err))
        return false;
    struct certificate *c = certificate_parse(der, ret_err);
    if (!c)
        return false;
    if (!certificate_is_self_signed(c)) {
        certificate_free(c);
        return refuse(ret_err, "evidence.endorsement", "a root that is not self-signed");
    }
    e->roots[e->n_roots++] = c;
    return true;
}

static bool add_key(struct endorsements *e, struct bytes der, struct idevs_error *ret_err)
{
    if (!has_room(e->n_keys, ret_err))
        return false;
    struct vendor_key *key = vendor_key_from_spki(der);
    if (!key)
        return refuse(ret_err, "evidence.endorsement", "a key of another kind or size");
    e->keys[e->n_keys++] = key;
    return true;
}

typedef bool add_block(struct endorsements *e, struct bytes der, struct idevs_error *ret_err);

/* What a PEM block of that label is, among endorsements or among roots; NULL: nothing. */
static add_block *find_block(const char *label, bool roots)
{
    if (strcmp(label, "CERTIFICATE") == 0)
        return roots ? add_root : add_certificate;
    if (roots)
        return strcmp(label, "PUBLIC KEY") == 0 ? add_key : NULL;
    return strcmp(label, "X509 CRL") == 0 ? add_crl : NULL;
}

static bool add_pem(struct endorsements *e, struct bytes content, bool roots,
                    struct idevs_error *ret_err)
{
    struct reader r = reader_of(content);
    char label[LIMIT_PEM_LABEL];
    bool prose;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CRL);

    while (pem_next(&r, label, &der, &prose)) {
        add_block *add = find_block(label, roots);
        if (!add)
            return refuse(ret_err, "evidence.endorsement", "PEM of type %s", label);
        if (!add(e, buffer_bytes(&der), ret_err))
            return false;
    }
    return reader_left(&r) == 0 ||
           refuse(ret_err, "evidence.endorsement", "PEM that cannot be read to its end");
}

static bool looks_like_pem(struct bytes content)
{
    return content.len >= 11 && memmem(content.data, content.len, "-----BEGIN ", 11);
}

static bool add_document(struct endorsements *e, const char *name, struct bytes content,
                         struct idevs_error *ret_err)
{
    if (!has_room(e->n_documents, ret_err))
        return false;
    struct endorsement_document *d = &e->documents[e->n_documents];
    if (strlen(name) >= sizeof(d->name) || content.len > LIMIT_JSON)
        return refuse(ret_err, "evidence.endorsement", "a document of %zu bytes or a long name",
                      content.len);
    snprintf(d->name, sizeof(d->name), "%s", name);
    d->content = buffer_up_to(LIMIT_JSON);
    e->n_documents++;
    return buffer_append_bytes(&d->content, content);
}

bool endorsements_add(struct endorsements *e, const char *name, struct bytes content,
                      struct idevs_error *ret_err)
{
    struct idevs_error ignored;

    if (looks_like_pem(content))
        return add_pem(e, content, false, ret_err);
    if (content.len > 0 && content.data[0] == DER_SEQUENCE_HEAD) {
        /* One of the two it must be; the certificate's refusal is the one to read. */
        if (add_crl(e, content, &ignored))
            return true;
        return add_certificate(e, content, ret_err);
    }
    return add_document(e, name, content, ret_err);
}

bool endorsements_add_roots(struct endorsements *e, struct bytes content,
                            struct idevs_error *ret_err)
{
    return looks_like_pem(content) ? add_pem(e, content, true, ret_err)
                                   : add_root(e, content, ret_err);
}

struct bytes endorsements_document(const struct endorsements *e, const char *name)
{
    for (size_t i = 0; i < e->n_documents; i++)
        if (strcmp(e->documents[i].name, name) == 0)
            return buffer_bytes(&e->documents[i].content);
    return bytes_of(NULL, 0);
}
