#include "base/text.h"
#include "base/limits.h"

#include <ctype.h>

static const char HEX[] = "0123456789abcdef";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_text(const uint8_t *in, size_t len, char *ret)
{
    for (size_t i = 0; i < len; i++) {
        *ret++ = HEX[in[i] >> 4];
        *ret++ = HEX[in[i] & 15];
    }
    *ret = 0;
}

bool hex_encode(struct bytes in, struct buffer *b)
{
    for (size_t i = 0; i < in.len; i++)
        if (!buffer_append_u8(b, (uint8_t)HEX[in.data[i] >> 4]) ||
            !buffer_append_u8(b, (uint8_t)HEX[in.data[i] & 15]))
            return false;
    return true;
}

int hex_digit(uint8_t c)
{
    const char *p = c ? strchr(HEX, c) : NULL;

    return p ? (int)(p - HEX) : -1;
}

bool hex_decode(struct bytes text, struct buffer *b)
{
    if (text.len % 2)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.data[i]);
        int low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0 || !buffer_append_u8(b, (uint8_t)(high << 4 | low)))
            return false;
    }
    return true;
}

bool hex_exactly(struct bytes text, uint8_t *ret, size_t len)
{
    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool encode_64(struct bytes in, const char *alphabet, bool padded, struct buffer *b)
{
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n = in.len - i < 3 ? in.len - i : 3;
        uint32_t v = (uint32_t)in.data[i] << 16;
        if (n > 1)
            v |= (uint32_t)in.data[i + 1] << 8;
        if (n > 2)
            v |= in.data[i + 2];
        char out[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], '=', '='};
        if (n > 1)
            out[2] = alphabet[v >> 6 & 63];
        if (n > 2)
            out[3] = alphabet[v & 63];
        if (!buffer_append(b, out, padded ? 4 : n + 1))
            return false;
    }
    return true;
}

bool base64_encode(struct bytes in, struct buffer *b)
{
    return encode_64(in, BASE64, true, b);
}

bool base64url_encode(struct bytes in, struct buffer *b)
{
    return encode_64(in, BASE64URL, false, b);
}

/* One group of 2 to 4 characters; the bits that carry no byte must be zero. */
static bool decode_group(const uint8_t *in, size_t n, const char *alphabet, struct buffer *b)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        const char *p = i < n && in[i] ? strchr(alphabet, in[i]) : NULL;
        if (i < n && !p)
            return false;
        v = v << 6 | (p ? (uint32_t)(p - alphabet) : 0);
    }
    uint8_t out[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    if ((n < 4 && out[2]) || (n < 3 && out[1]))
        return false;
    return buffer_append(b, out, n - 1);
}

static bool decode_64(struct bytes text, const char *alphabet, struct buffer *b)
{
    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t n = text.len - i < 4 ? text.len - i : 4;
        if (!decode_group(text.data + i, n, alphabet, b))
            return false;
    }
    return true;
}

bool base64_decode(struct bytes text, struct buffer *b)
{
    if (text.len % 4)
        return false;
    for (int i = 0; i < 2 && text.len && text.data[text.len - 1] == '='; i++)
        text.len--;
    return decode_64(text, BASE64, b);
}

bool base64url_decode(struct bytes text, struct buffer *b)
{
    return decode_64(text, BASE64URL, b);
}

bool parse_u64(struct bytes text, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (text.len == 0 || text.len > 20 || (text.len > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    if (v > max)
        return false;
    *ret = v;
    return true;
}

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_is_valid(const char *name, size_t max)
{
    size_t n = strnlen(name, max + 1);

    if (n == 0 || n > max || !is_lower_alnum(name[0]) || !is_lower_alnum(name[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_lower_alnum(name[i]) && name[i] != '-')
            return false;
    return true;
}

bool token_is_valid(const char *text, size_t max)
{
    size_t n = strnlen(text, max + 1);

    if (n == 0 || n > max)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i]))
            return false;
    return true;
}

static bool port_is_valid(const char *text)
{
    uint64_t port;

    return parse_u64(bytes_of_text(text), 65535, &port) && port > 0;
}

bool authority_is_valid(const char *text)
{
    size_t n = strnlen(text, LIMIT_AUTHORITY + 1);
    bool v6 = text[0] == '[';
    size_t host = v6 ? strspn(text + 1, "0123456789abcdef:") + 1
                     : strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-");

    if (n == 0 || n > LIMIT_AUTHORITY || host < (v6 ? 3 : 1))
        return false;
    if (v6 && text[host++] != ']')
        return false;
    return text[host] == 0 || (text[host] == ':' && port_is_valid(text + host + 1));
}

bool authority_host(const char *authority, char *ret, size_t size)
{
    bool v6 = authority[0] == '[';
    const char *from = authority + (v6 ? 1 : 0);
    size_t n = strcspn(from, v6 ? "]" : ":");

    if (n == 0 || n >= size)
        return false;
    memcpy(ret, from, n);
    ret[n] = 0;
    return true;
}

/* A percent escape must be well formed and must not hide a separator or a NUL from the gateway's
 * path rules. */
static bool escape_is_valid(const char *p)
{
    static const char *const HIDDEN[] = {"00", "2f", "5c", "2e", "0a", "0d"};

    if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]))
        return false;
    char code[3] = {(char)tolower(p[1]), (char)tolower(p[2]), 0};
    for (size_t i = 0; i < ARRAY_LEN(HIDDEN); i++)
        if (strcmp(code, HIDDEN[i]) == 0)
            return false;
    return true;
}

static bool segments_are_plain(const char *path, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (path[i] != '/')
            continue;
        size_t n = strcspn(path + i + 1, "/?");
        if ((n == 1 && path[i + 1] == '.') || (n == 2 && memcmp(path + i + 1, "..", 2) == 0))
            return false;
        if (n == 0 && i + 1 < len)
            return false; /* "//" */
    }
    return true;
}

bool path_is_valid(const char *path)
{
    size_t n = strnlen(path, LIMIT_PATH + 1);
    size_t query = strcspn(path, "?");

    if (n == 0 || n > LIMIT_PATH || path[0] != '/' || !segments_are_plain(path, query))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (path[i] <= 0x20 || path[i] == 0x7f || (path[i] & 0x80) || strchr("#\\", path[i]))
            return false;
        if (path[i] == '%' && i < query && !escape_is_valid(path + i))
            return false;
        if (path[i] == '%' &&
            (!isxdigit((unsigned char)path[i + 1]) || !isxdigit((unsigned char)path[i + 2])))
            return false;
    }
    return true;
}

bool media_type_is_valid(const char *text)
{
    size_t n = strnlen(text, LIMIT_FRAME_TYPE);

    if (n == 0 || n >= LIMIT_FRAME_TYPE || text[0] == ' ' || text[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return memchr(text, '/', n) != NULL;
}
