/* What a gateway answered, in one of few words that a check compares with what it expects:
 *
 *   accepted              a sealed answer of the service, or of the gateway's own state
 *   sealed CODE           a sealed refusal
 *   plain CODE            an unsealed refusal
 *   HTTP STATUS           any other answer
 *   closed, late          none
 *
 * or a sentence for what should never be. Nothing of the answer is believed: its texts are bounded
 * and printable before they are shown. */
#ifndef IDEVS_CONFORMANCE_ANSWER_H
#define IDEVS_CONFORMANCE_ANSWER_H

#include "conformance/dial.h"
#include "conformance/request.h"

void found_say(char found[LIMIT_TEST_FOUND], const char *text);
void found_format(char found[LIMIT_TEST_FOUND], const char *format, ...) _printf_(2, 3);

struct answer {
    struct buffer received;
    struct buffer plain;
    struct http_message outer; /* into `received`; status 0: no HTTP */
    struct http_message inner; /* into `plain`; status 0: not sealed, or not to us */
    char found[LIMIT_TEST_FOUND];
};
void answer_release(struct answer *a);
#define _cleanup_answer_ _cleanup_(answer_release)

/* Sends bytes on a connection of their own and reads the answer. `x` opens a sealed one; NULL: none
 * is awaited. */
void answer_ask(const struct target *target, struct bytes wire, const struct exchange *x,
                struct answer *ret);
/* The second half, on a connection on which the request was sent. */
void answer_read(struct dial *d, const struct exchange *x, struct answer *ret);

#endif
