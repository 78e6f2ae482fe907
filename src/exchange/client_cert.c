/* RFC 9440: a certificate is a byte sequence, a chain a list of them. */
#include "base/text.h"
#include "exchange/keys.h"

static bool put_item(const struct certificate *c, struct buffer *b)
{
    return buffer_append_text(b, ":") && base64_encode(certificate_der(c), b) &&
           buffer_append_text(b, ":");
}

bool client_cert_encode(const struct chain *chain, struct buffer *cert, struct buffer *cert_chain)
{
    if (chain->n == 0 || !put_item(chain->at[0], cert))
        return false;
    for (size_t i = 1; i < chain->n; i++)
        if ((i > 1 && !buffer_append_text(cert_chain, ", ")) || !put_item(chain->at[i], cert_chain))
            return false;
    return true;
}

/* :base64: */
static bool take_item(struct reader *r, struct buffer *der)
{
    buffer_clear(der);
    if (!reader_left(r) || *r->at != ':')
        return false;
    const uint8_t *text = r->at + 1;
    const uint8_t *end = memchr(text, ':', reader_left(r) - 1);
    if (!end || end == text || (size_t)(end - text) > LIMIT_CLIENT_CERT_ITEM ||
        !base64_decode(bytes_of(text, (size_t)(end - text)), der))
        return false;
    r->at = end + 1;
    return true;
}

static void skip_blanks(struct reader *r)
{
    while (reader_left(r) && (*r->at == ' ' || *r->at == '\t'))
        r->at++;
}

/* The comma between two members (RFC 8941, 3.1); after it another must follow. */
static bool take_comma(struct reader *r)
{
    skip_blanks(r);
    if (!reader_left(r) || *r->at != ',')
        return false;
    r->at++;
    skip_blanks(r);
    return true;
}

static bool take_certificate(struct reader *r, struct chain *chain, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    if (chain->n == LIMIT_CHAIN)
        return refuse(ret_err, "certificate.malformed", "more than %d certificates", LIMIT_CHAIN);
    if (!take_item(r, &der))
        return refuse(ret_err, "certificate.malformed", "a field that is not of RFC 9440");
    struct certificate *c = certificate_parse(buffer_bytes(&der), ret_err);
    if (!c)
        return false;
    chain->at[chain->n++] = c;
    return true;
}

bool client_cert_decode(struct bytes cert, struct bytes cert_chain, struct chain *ret,
                        struct idevs_error *ret_err)
{
    struct reader r = reader_of(cert);
    struct reader rest = reader_of(cert_chain);
    _cleanup_chain_ struct chain chain = {.n = 0};

    if (!take_certificate(&r, &chain, ret_err))
        return false;
    if (reader_left(&rest)) {
        do
            if (!take_certificate(&rest, &chain, ret_err))
                return false;
        while (take_comma(&rest));
    }
    if (reader_left(&r) || reader_left(&rest))
        return refuse(ret_err, "certificate.malformed", "bytes after a certificate");
    *ret = chain;
    chain.n = 0;
    return true;
}
