#include "base/text.h"
#include "base/clock.h"
#include "base/limits.h"

#include "fuzz.h"

#include <stdio.h>

typedef bool (*codec)(struct bytes in, struct buffer *b);

/* What decodes has one spelling. */
static void check_codec(codec decode, codec encode, struct bytes in)
{
    _cleanup_buffer_ struct buffer decoded = buffer_up_to(in.len);
    _cleanup_buffer_ struct buffer again = buffer_up_to(2 * in.len + 4);

    if (decode(in, &decoded))
        must(encode(buffer_bytes(&decoded), &again) && bytes_equal(buffer_bytes(&again), in));
}

static void check_numbers(struct bytes in, const char *text)
{
    char again[64] = "";
    uint8_t digest[32];
    uint64_t v;
    int64_t date;

    if (parse_u64(in, UINT64_MAX, &v)) {
        snprintf(again, sizeof(again), "%llu", (unsigned long long)v);
        must(bytes_equal_text(in, again));
        must(v == 0 || !parse_u64(in, v - 1, &v));
    }
    if (hex_exactly(in, digest, sizeof(digest))) {
        char hex[65];
        hex_text(digest, sizeof(digest), hex);
        must(bytes_equal_text(in, hex));
    }
    if (http_date_parse(text, &date)) {
        http_date_format(date, again);
        must(strcmp(again, text) == 0);
    }
}

/* What a path must never hold, said in another way than the code says it: before its query no
 * segment is "", "." or ".." and none hides a separator. */
static void check_path(const char *text)
{
    static const char *const NEVER[] = {"//", "/./", "/../", "%2f", "%2e", "%5c", "%00"};
    char path[LIMIT_PATH + 2];
    size_t n = strcspn(text, "?");

    must(text[0] == '/' && strlen(text) <= LIMIT_PATH && !strpbrk(text, " \t\r\n#\\\x7f"));
    snprintf(path, sizeof(path), "%.*s/", (int)n, text); /* so that the last segment ends too */
    if (n > 1 && text[n - 1] == '/')
        path[n] = 0;
    for (size_t i = 0; i < ARRAY_LEN(NEVER); i++)
        must(n == 1 || !strcasestr(path, NEVER[i]));
}

static void check_names(const char *text)
{
    if (path_is_valid(text))
        check_path(text);
    if (authority_is_valid(text))
        must(strlen(text) <= LIMIT_AUTHORITY && !strpbrk(text, "/@?#% ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    if (name_is_valid(text, 64))
        must(token_is_valid(text, 64) && strlen(text) <= 64 && !strpbrk(text, "._/ "));
    if (token_is_valid(text, 128))
        must(strlen(text) <= 128 && !strpbrk(text, "/%?;\"' \r\n"));
    if (media_type_is_valid(text))
        must(strchr(text, '/') && !strpbrk(text, "\r\n\t"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    char text[4096];

    check_codec(hex_decode, hex_encode, in);
    check_codec(base64_decode, base64_encode, in);
    check_codec(base64url_decode, base64url_encode, in);
    text_from(in, text, sizeof(text));
    check_numbers(in, text);
    check_names(text);
    return 0;
}
