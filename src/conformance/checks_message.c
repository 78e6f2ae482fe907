/* Inside the seal: Binary HTTP (RFC 9292), whom it is for, and what no service should see. Policy
 * comes after all of that. */
#include "conformance/kit.h"

#define BINARY    "RFC 9292, 3"
#define PADDING   "RFC 9292, 3.8"
#define HTTP      "RFC 9110, 5.5"
#define MALFORMED "sealed bhttp.malformed"
#define FIELD     "sealed request.field"
#define AUTHORITY "sealed request.authority"
#define METHOD    "sealed api.method"
#define PATH      "sealed http.malformed"
#define FORM      "docs/service-owners.md"
#define CERTIFIED "docs/certificates.md"

/* ---- rewriting ---- */

static void frame_as_response(struct buffer *b)
{
    b->data[0] = 1;
}

static void frame_as_unknown(struct buffer *b)
{
    b->data[0] = 4;
}

/* Instead of the empty trailer section at the end: x: y. */
static void add_trailer(struct buffer *b)
{
    static const uint8_t TRAILER[] = {4, 1, 'x', 1, 'y'};

    b->len--;
    if (!buffer_append(b, TRAILER, sizeof(TRAILER)))
        b->len = 0;
}

static void cut_in_half(struct buffer *b)
{
    b->len /= 2;
}

static void pad_with_one(struct buffer *b)
{
    b->data[b->len - 1] = 1;
}

/* A view behind its length (RFC 9000, 16), which is here below 2^30. */
static bool take_view(struct reader *r, struct bytes *ret)
{
    uint8_t first;
    uint8_t next;

    if (!reader_u8(r, &first))
        return false;
    size_t len = first & 0x3f;
    for (int more = (1 << (first >> 6)) - 1; more > 0; more--) {
        if (!reader_u8(r, &next))
            return false;
        len = len << 8 | next;
    }
    return reader_bytes(r, len, ret);
}

/* The same message in the other framing of RFC 9292 (3.2): field lines and content end with a zero
 * instead of beginning with their length. Content is empty here. */
static void make_indeterminate(struct buffer *b)
{
    _cleanup_buffer_ struct buffer out = buffer_up_to(b->max);
    struct reader r = reader_of(buffer_bytes(b));
    struct bytes view = bytes_of(NULL, 0);
    bool good = reader_bytes(&r, 1, &view);

    for (int control = 0; control < 4; control++)
        good = good && take_view(&r, &view);
    const uint8_t *end_of_control = r.at;
    good = good && take_view(&r, &view) && buffer_append_u8(&out, 2) &&
           buffer_append(&out, b->data + 1, (size_t)(end_of_control - b->data - 1)) &&
           buffer_append_bytes(&out, view) && buffer_append(&out, "\0\0\0", 3);
    buffer_clear(b);
    if (!good || !buffer_append_bytes(b, buffer_bytes(&out)))
        b->len = 0;
}

const struct check MESSAGE_CHECKS[] = {
    {"binary.padding", PADDING, "padding that is not zero", MALFORMED, {.padded = pad_with_one}},
    {"binary.indeterminate",
     "RFC 9292, 3.2",
     "a message of indeterminate length",
     MALFORMED,
     {.rewrite = make_indeterminate}},
    {"binary.response",
     BINARY,
     "the framing of a response",
     MALFORMED,
     {.rewrite = frame_as_response}},
    {"binary.framing", BINARY, "an unknown framing", MALFORMED, {.rewrite = frame_as_unknown}},
    {"binary.trailer", "RFC 9292, 3.6", "a trailer", MALFORMED, {.rewrite = add_trailer}},
    {"binary.cut", BINARY, "half a message", MALFORMED, {.rewrite = cut_in_half}},
    {"binary.empty", BINARY, "no message", MALFORMED, {.instead = ""}},
    {"binary.garbage", BINARY, "garbage", MALFORMED, {.instead = "GET / HTTP/1.1\r\n\r\n"}},
    {"binary.upper-case",
     "RFC 9292, 3.6",
     "a field name with a capital letter",
     MALFORMED,
     {.binary = {"content-digest", "Content-digest"}}},
    {"binary.value-crlf", HTTP, "CR LF in a value", MALFORMED, {.binary = {" GMT", "\r\na:"}}},
    {"binary.value-nul", HTTP, "NUL in a value", MALFORMED, {.binary = {" GMT", " GM\0"}}},
    {"binary.method-crlf",
     "RFC 9110, 9.1",
     "CR LF in the method",
     MALFORMED,
     {.method = "GETAA", .binary = {"GETAA", "GET\r\n"}}},
    {"binary.path-crlf",
     "RFC 9112, 3.2",
     "CR LF in the path",
     MALFORMED,
     {.path = "/conformance-path", .binary = {"-path", "\r\na:b"}}},
    {"binary.path-space",
     "RFC 9112, 3.2",
     "a space in the path",
     MALFORMED,
     {.path = "/conformance-path", .binary = {"-path", " path"}}},

    {"authority.other",
     "RFC 9110, 7.4",
     "for another service",
     AUTHORITY,
     {.authority = "elsewhere.invalid"}},
    {"authority.none", "RFC 9110, 7.4", "for no service", AUTHORITY, {.authority = ""}},
    {"authority.scheme", "RFC 9458, 5", "scheme http", AUTHORITY, {.scheme = "http"}},

    {"method.connect", FORM, "CONNECT", METHOD, {.method = "CONNECT"}},
    {"method.trace", FORM, "TRACE", METHOD, {.method = "TRACE"}},
    {"method.lower-case", FORM, "get", METHOD, {.method = "get"}},
    {"path.dots", FORM, "/a/../b", PATH, {.path = "/a/../b"}},
    {"path.dot", FORM, "/a/./b", PATH, {.path = "/a/./b"}},
    {"path.encoded-dots", FORM, "/%2e%2e/a", PATH, {.path = "/%2e%2e/a"}},
    {"path.encoded-slash", FORM, "/a%2fb", PATH, {.path = "/a%2fb"}},
    {"path.encoded-backslash", FORM, "/a%5cb", PATH, {.path = "/a%5cb"}},
    {"path.backslash", FORM, "/a\\b", PATH, {.path = "/a\\b"}},
    {"path.two-slashes", FORM, "/a//b", PATH, {.path = "/a//b"}},
    {"path.host", FORM, "//elsewhere.invalid/", PATH, {.path = "//elsewhere.invalid/"}},
    {"path.encoded-crlf", FORM, "/a%0d%0ab", PATH, {.path = "/a%0d%0ab"}},
    {"path.encoded-nul", FORM, "/a%00", PATH, {.path = "/a%00"}},
    {"path.escape", FORM, "/a%zz", PATH, {.path = "/a%zz"}},
    {"path.fragment", FORM, "/a#b", PATH, {.path = "/a#b"}},
    {"form.read-with-content", FORM, "a GET with content", FIELD, {.content = "content"}},
    {"form.read-with-key", FORM, "a GET with an idempotency key", FIELD, {.key = "key"}},
    {"form.key",
     FORM,
     "an idempotency key with other characters",
     FIELD,
     {.method = "POST", .key = "a key"}},
    {"form.long-key",
     FORM,
     "an idempotency key of 240 characters",
     FIELD,
     {.method = "POST", .key = TIMES_10(TWENTY_FOUR)}},
    {0},
};

const struct check POLICY_CHECKS[] = {
    {"policy.program",
     FORM,
     "a program that is not configured",
     "sealed policy.program",
     {.who = WHO_STRANGER}},
    {"policy.reads",
     CERTIFIED,
     "a read by a program whose manifest does not read here",
     "sealed policy.reads",
     {.who = WHO_WRITER}},
    {"policy.reads-head",
     CERTIFIED,
     "the same with HEAD",
     "sealed policy.reads",
     {.who = WHO_WRITER, .method = "HEAD"}},
    {"policy.writes",
     CERTIFIED,
     "a write by a program whose manifest does not write here",
     "sealed policy.writes",
     {.who = WHO_READER, .method = "POST"}},
    {"policy.method",
     FORM,
     "a method that is not granted",
     "sealed policy.method",
     {.method = "DELETE"}},
    {"policy.path",
     FORM,
     "a path that is not granted",
     "sealed policy.path",
     {.path = "/conformance-not-granted"}},
    {0},
};
