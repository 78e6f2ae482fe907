/* The head of an HTTP/1.1 message (RFC 9112), read strictly: what two readers could understand
 * differently is refused. Pure functions; trusts nobody. */
#ifndef IDEVS_WIRE_HTTP1_H
#define IDEVS_WIRE_HTTP1_H

#include "base/error.h"
#include "wire/http.h"

/* First line, fields and line ends together. */

struct http1_head {
    /* Method, authority (Host, lower case), path (valid by path_is_valid()), fields (names in lower
     * case) without those of the connection, framing and Host. */
    struct http_message message;
    uint64_t content_length; /* 0 when there is no content */
    bool close;              /* the client wants no further answer on this connection */
    bool expects_continue;
};

enum http1_search {
    HTTP1_BAD = 0, /* a line that does not end in CR LF, or no request at all */
    HTTP1_MORE,    /* no empty line yet */
    HTTP1_FOUND,
};
/* Looks for the end of the head in all that came so far. `*scanned` is 0 at first and remembers how
 * far the search got; `*ret_len` is the length of the head with its empty line. */
enum http1_search http1_find_end(struct bytes in, size_t *scanned, size_t *ret_len) _must_check_;

/* `data` is exactly one head as found above; it is changed in place (letters to lower case, NUL
 * after texts) and `ret` points into it. Refuses `http.malformed`. */
bool http1_parse(uint8_t *data, size_t len, struct http1_head *ret,
                 struct idevs_error *ret_err) _must_check_;
/* The same for an answer: `ret` gets status and fields, `content_length` 0 also when there is none
 * said. Transfer codings are refused. Refuses `http.malformed`. */
bool http1_parse_answer(uint8_t *data, size_t len, struct http1_head *ret,
                        struct idevs_error *ret_err) _must_check_;

#endif
