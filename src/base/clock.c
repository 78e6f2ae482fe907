#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

int64_t clock_unix(void)
{
    return (int64_t)time(NULL);
}

uint64_t clock_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

void http_date_format(int64_t unix_seconds, char ret[HTTP_DATE_LEN + 1])
{
    time_t t = (time_t)unix_seconds;
    struct tm tm;
    char text[96];

    gmtime_r(&t, &tm);
    snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", DAYS[tm.tm_wday],
             tm.tm_mday, MONTHS[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(ret, text, HTTP_DATE_LEN);
    ret[HTTP_DATE_LEN] = 0;
}

static bool two_digits(const char *p, int *ret)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *ret = (p[0] - '0') * 10 + (p[1] - '0');
    return true;
}

bool http_date_parse(const char *text, int64_t *ret_unix)
{
    struct tm tm = {.tm_mon = -1};
    int century;
    int year;
    char again[HTTP_DATE_LEN + 1];

    if (strlen(text) != HTTP_DATE_LEN)
        return false;
    for (int m = 0; m < 12; m++)
        if (memcmp(text + 8, MONTHS[m], 3) == 0)
            tm.tm_mon = m;
    if (tm.tm_mon < 0 || !two_digits(text + 5, &tm.tm_mday) || !two_digits(text + 12, &century) ||
        !two_digits(text + 14, &year) || !two_digits(text + 17, &tm.tm_hour) ||
        !two_digits(text + 20, &tm.tm_min) || !two_digits(text + 23, &tm.tm_sec))
        return false;
    tm.tm_year = century * 100 + year - 1900;
    int64_t t = (int64_t)timegm(&tm);
    /* Writing it again checks all the rest: separators, day of the week, ranges. */
    http_date_format(t, again);
    if (century < 19 || memcmp(text, again, HTTP_DATE_LEN) != 0)
        return false;
    *ret_unix = t;
    return true;
}

uint64_t span_end(struct spans *spans, const char *name, uint64_t since_ns)
{
    uint64_t now = clock_monotonic_ns();

    if (spans && spans->n < LIMIT_SPANS) {
        spans->at[spans->n].name = name;
        spans->at[spans->n].ns = now - since_ns;
        spans->n++;
    }
    return now;
}
