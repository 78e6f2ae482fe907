/* Time: seconds since 1970 for what is said to others, monotonic nanoseconds for what is measured.
 */
#ifndef IDEVS_BASE_CLOCK_H
#define IDEVS_BASE_CLOCK_H

#include "base/attr.h"
#include "base/limits.h"
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SECOND UINT64_C(1000000000)

int64_t clock_unix(void);
uint64_t clock_monotonic_ns(void);

#define HTTP_DATE_LEN 29
/* IMF-fixdate (RFC 9110, 5.6.7), the one form that we write and read. */
void http_date_format(int64_t unix_seconds, char ret[HTTP_DATE_LEN + 1]);
bool http_date_parse(const char *text, int64_t *ret_unix) _must_check_;

/* Named steps of a start or an exchange, with the names of the paper, and how long each took. */
struct spans {
    struct {
        const char *name; /* static text */
        uint64_t ns;
    } at[LIMIT_SPANS];
    unsigned n;
};
/* Adds the time since `since_ns` under `name`; beyond LIMIT_SPANS it is dropped. Returns now. */
uint64_t span_end(struct spans *spans, const char *name, uint64_t since_ns);

#endif
