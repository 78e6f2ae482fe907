#include "base/codes.h"
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* C0, DEL, and C1 as UTF-8 has it. */
static bool is_control(const unsigned char *at, size_t left)
{
    bool c1 = at[0] == 0xc2 && left > 1 && at[1] >= 0x80 && at[1] < 0xa0;

    return (at[0] < 0x20 && at[0] != '\n' && at[0] != '\t') || at[0] == 0x7f || c1;
}

void make_plain(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char *at = (unsigned char *)text + i;
        if (!is_control(at, len - i))
            continue;
        if (*at == 0xc2)
            at[1] = '?';
        *at = '?';
    }
}

void print_json(const json_t *j)
{
    json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
}

void print_rows(const struct cli *cli, const json_t *answer, const char *name,
                void (*row)(const json_t *))
{
    const json_t *member;
    size_t i;

    if (cli->json)
        print_json(answer);
    else
        json_array_foreach(json_object_get(answer, name), i, member) row(member);
}

void print_done(const struct cli *cli, const char *format, ...)
{
    va_list args;

    if (cli->json) {
        puts("{}");
        return;
    }
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text && text[0] ? text : "-";
}

void time_of(const json_t *object, const char *key, char ret[32])
{
    const json_t *value = json_object_get(object, key);
    time_t t = (time_t)json_integer_value(value);
    struct tm tm;

    snprintf(ret, 32, "-");
    if (json_is_integer(value) && gmtime_r(&t, &tm))
        strftime(ret, 32, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

void progress(const struct cli *cli, const char *format, ...)
{
    va_list args;

    if (!cli->terminal || cli->json)
        return;
    fputs("\r\033[K", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fflush(stderr);
}

int patience(const struct cli *cli)
{
    return cli->terminal && !cli->json ? 1 : 30;
}

enum exit_status status_of(const struct idevs_error *err)
{
    size_t n = strlen(err->code);
    static const char UNREACHABLE[] = ".unreachable";
    size_t m = sizeof(UNREACHABLE) - 1;

    if (strcmp(err->code, "usage") == 0 || strcmp(err->code, "conformance.unusable") == 0)
        return STATUS_USAGE;
    return n > m && strcmp(err->code + n - m, UNREACHABLE) == 0 ? STATUS_UNREACHABLE
                                                                : STATUS_REFUSED;
}

void print_refusal(const struct cli *cli, const struct idevs_error *err)
{
    if (cli->json) {
        _cleanup_json_ json_t *j =
            json_pack("{s:s, s:s, s:s, s:s}", "code", err->code, "expected", err->expected, "found",
                      err->found, "remedy", err->remedy);
        if (j)
            print_json(j);
        return;
    }
    fprintf(stderr, "idevs: %s\n  found     %s\n  expected  %s\n  remedy    %s\n", err->code,
            err->found, err->expected, err->remedy);
    if (code_find(err->code) && strcmp(err->code, "usage") != 0)
        fprintf(stderr, "  more      idevs explain %s\n", err->code);
}
