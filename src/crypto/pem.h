/* PEM blocks (RFC 7468, strict in its base64, any line length). Keeps OpenSSL's reader
 * away, which would ask on a terminal for passwords. */
#ifndef IDEVS_CRYPTO_PEM_H
#define IDEVS_CRYPTO_PEM_H

#include "base/buffer.h"
#include "base/limits.h"

/* Takes the next block off `r`: `ret_label` gets its label, `ret_der` (cleared first) its bytes.
 * `*ret_prose` says whether anything but white space stood before it. False at the end of the text
 * and at a malformed block: then reader_left() is 0 only if white space was all that remained. */
bool pem_next(struct reader *r, char ret_label[LIMIT_PEM_LABEL], struct buffer *ret_der,
              bool *ret_prose) _must_check_;
/* The first block with that label; `ret_der` gets its bytes. */
bool pem_find(struct bytes pem, const char *label, struct buffer *ret_der) _must_check_;
bool pem_write(const char *label, struct bytes der, struct buffer *b) _must_check_;

#endif
