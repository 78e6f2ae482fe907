#include "crypto/pem.h"
#include "base/text.h"

#include <string.h>

#define BEGIN      "-----BEGIN "
#define END        "-----END "
#define DASHES     "-----"
#define LINE_WIDTH 64

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct reader *r)
{
    while (reader_left(r) && is_space(*r->at))
        r->at++;
}

/* "LABEL-----" after BEGIN. */
static bool take_label(struct reader *r, char ret[LIMIT_PEM_LABEL])
{
    size_t n = 0;

    while (n < LIMIT_PEM_LABEL - 1 && n < reader_left(r) &&
           ((r->at[n] >= 'A' && r->at[n] <= 'Z') || (r->at[n] >= '0' && r->at[n] <= '9') ||
            r->at[n] == ' '))
        n++;
    memcpy(ret, r->at, n);
    ret[n] = 0;
    r->at += n;
    return n > 0 && reader_text(r, DASHES);
}

static bool take_body(struct reader *r, struct buffer *ret_der)
{
    _cleanup_buffer_ struct buffer text = buffer_up_to(reader_left(r));

    for (; reader_left(r) && *r->at != '-'; r->at++)
        if (!is_space(*r->at) && !buffer_append_u8(&text, *r->at))
            return false;
    return text.len > 0 && base64_decode(buffer_bytes(&text), ret_der);
}

static bool find_begin(struct reader *r, bool *ret_prose)
{
    *ret_prose = false;
    skip_space(r);
    if (!reader_left(r))
        return false;
    const uint8_t *found = memmem(r->at, reader_left(r), BEGIN, strlen(BEGIN));
    if (!found)
        return false;
    *ret_prose = found != r->at;
    r->at = found + strlen(BEGIN);
    return true;
}

bool pem_next(struct reader *r, char ret_label[LIMIT_PEM_LABEL], struct buffer *ret_der,
              bool *ret_prose)
{
    char label[LIMIT_PEM_LABEL];
    bool prose;

    buffer_clear(ret_der);
    if (!find_begin(r, &prose))
        return false;
    struct reader in = *r;
    if (!take_label(&in, label) || !take_body(&in, ret_der) || !reader_text(&in, END) ||
        !reader_text(&in, label) || !reader_text(&in, DASHES))
        return false;
    memcpy(ret_label, label, sizeof(label));
    *ret_prose = prose;
    *r = in;
    return true;
}

bool pem_find(struct bytes pem, const char *label, struct buffer *ret_der)
{
    struct reader r = reader_of(pem);
    char found[LIMIT_PEM_LABEL];
    bool prose;

    while (pem_next(&r, found, ret_der, &prose))
        if (strcmp(found, label) == 0)
            return true;
    buffer_clear(ret_der);
    return false;
}

bool pem_write(const char *label, struct bytes der, struct buffer *b)
{
    size_t before = b->len;
    _cleanup_buffer_ struct buffer text = buffer_up_to(der.len * 2 + 4);
    bool ok = base64_encode(der, &text) && buffer_append_text(b, BEGIN) &&
              buffer_append_text(b, label) && buffer_append_text(b, DASHES "\n");

    for (size_t at = 0; ok && at < text.len; at += LINE_WIDTH) {
        size_t n = text.len - at < LINE_WIDTH ? text.len - at : LINE_WIDTH;
        ok = buffer_append(b, text.data + at, n) && buffer_append_text(b, "\n");
    }
    ok = ok && buffer_append_text(b, END) && buffer_append_text(b, label) &&
         buffer_append_text(b, DASHES "\n");
    if (!ok)
        b->len = before;
    return ok;
}
