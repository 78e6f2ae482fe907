#include "base/error.h"
#include "base/codes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Whatever a hostile peer put into `found` ends on somebody's terminal. */
static void make_printable(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
}

static void fill(struct idevs_error *err, const char *code, const char *expected)
{
    const struct code *entry = code_find(code);

    snprintf(err->code, sizeof(err->code), "%s", code);
    snprintf(err->expected, sizeof(err->expected), "%s",
             expected ? expected : (entry ? entry->expected : ""));
    snprintf(err->remedy, sizeof(err->remedy), "%s", entry ? entry->remedy : "");
    make_printable(err->code);
    make_printable(err->expected);
}

static void fill_found(struct idevs_error *err, const char *found, va_list args)
{
    vsnprintf(err->found, sizeof(err->found), found, args);
    make_printable(err->found);
}

bool refuse(struct idevs_error *ret_err, const char *code, const char *found, ...)
{
    if (!ret_err)
        return false;
    va_list args;
    va_start(args, found);
    struct idevs_error made = {0}; /* `found` may point into *ret_err */
    fill(&made, code, NULL);
    fill_found(&made, found, args);
    va_end(args);
    *ret_err = made;
    return false;
}

bool refuse_expecting(struct idevs_error *ret_err, const char *code, const char *expected,
                      const char *found, ...)
{
    if (!ret_err)
        return false;
    va_list args;
    va_start(args, found);
    struct idevs_error made = {0};
    fill(&made, code, expected);
    fill_found(&made, found, args);
    va_end(args);
    *ret_err = made;
    return false;
}

bool refuse_errno(struct idevs_error *ret_err, const char *code, const char *what)
{
    return refuse(ret_err, code, "%s: %s", what, strerror(errno));
}

bool error_is(const struct idevs_error *err, const char *code)
{
    size_t n = strlen(code);

    if (n > 0 && code[n - 1] == '.')
        return strncmp(err->code, code, n) == 0;
    return strcmp(err->code, code) == 0;
}
