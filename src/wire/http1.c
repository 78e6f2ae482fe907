#include "wire/http1.h"
#include "base/text.h"
#include "wire/field.h"

#include <strings.h>

#define VERSION     "HTTP/1.1"
#define VERSION_LEN (sizeof(VERSION) - 1)

struct seen {
    bool host;
    bool length;
};

enum http1_search http1_find_end(struct bytes in, size_t *scanned, size_t *ret_len)
{
    /* TLS to a plain port, and empty lines before a request, end here. */
    if (in.len > 0 && !field_is_token(bytes_of(in.data, 1)))
        return HTTP1_BAD;
    while (*scanned < in.len) {
        const uint8_t *lf = memchr(in.data + *scanned, '\n', in.len - *scanned);
        if (!lf) {
            *scanned = in.len;
            break;
        }
        size_t at = (size_t)(lf - in.data);
        if (at == 0 || in.data[at - 1] != '\r')
            return HTTP1_BAD;
        *scanned = at + 1;
        if (at >= 3 && in.data[at - 2] == '\n') {
            *ret_len = at + 1;
            return HTTP1_FOUND;
        }
    }
    return HTTP1_MORE;
}

/* The line at `*at` without its CR LF, which becomes NUL; `*at` moves behind it. */
static uint8_t *take_line(uint8_t **at, const uint8_t *end, size_t *ret_len)
{
    uint8_t *line = *at;
    uint8_t *lf = memchr(line, '\n', (size_t)(end - line));

    if (!lf || lf == line || lf[-1] != '\r')
        return NULL;
    lf[-1] = 0;
    *ret_len = (size_t)(lf - 1 - line);
    *at = lf + 1;
    return line;
}

static bool parse_request_line(uint8_t *line, size_t len, struct http_message *ret,
                               struct idevs_error *ret_err)
{
    uint8_t *space = memchr(line, ' ', len);
    uint8_t *last = memrchr(line, ' ', len);

    if (!space || last == space || memchr(space + 1, ' ', (size_t)(last - space - 1)))
        return refuse(ret_err, "http.malformed", "a request line that is not three words");
    ret->method = bytes_of(line, (size_t)(space - line));
    ret->path = bytes_of(space + 1, (size_t)(last - space - 1));
    if (!field_is_token(ret->method) || ret->method.len > LIMIT_METHOD)
        return refuse(ret_err, "http.malformed", "a malformed method");
    if (!bytes_equal_text(bytes_of(last + 1, (size_t)(line + len - last - 1)), VERSION))
        return refuse(ret_err, "http.malformed", "a version other than " VERSION);
    *last = 0;
    if (strlen((const char *)ret->path.data) != ret->path.len ||
        !path_is_valid((const char *)ret->path.data))
        return refuse(ret_err, "http.malformed", "a path that is malformed or could mean another");
    return true;
}

static void make_lower(struct bytes text)
{
    uint8_t *p = (uint8_t *)text.data; /* of the caller's own buffer */

    for (size_t i = 0; i < text.len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] |= 0x20;
}

static bool take_host(struct bytes value, struct seen *seen, struct http1_head *head,
                      struct idevs_error *ret_err)
{
    char text[LIMIT_AUTHORITY + 1];

    if (seen->host)
        return refuse(ret_err, "http.malformed", "Host twice");
    if (value.len > LIMIT_AUTHORITY)
        return refuse(ret_err, "http.malformed", "a Host of %zu bytes", value.len);
    make_lower(value);
    memcpy(text, value.data, value.len);
    text[value.len] = 0;
    if (!authority_is_valid(text))
        return refuse(ret_err, "http.malformed", "a malformed Host");
    seen->host = true;
    head->message.authority = value;
    return true;
}

static bool take_length(struct bytes value, struct seen *seen, struct http1_head *head,
                        struct idevs_error *ret_err)
{
    if (seen->length)
        return refuse(ret_err, "http.malformed", "Content-Length twice");
    if (!parse_u64(value, INT64_MAX, &head->content_length))
        return refuse(ret_err, "http.malformed", "a malformed Content-Length");
    seen->length = true;
    return true;
}

static bool has_option(struct bytes list, const char *option)
{
    size_t len = strlen(option);

    while (list.len > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        size_t n = comma ? (size_t)(comma - list.data) : list.len;
        struct bytes one = bytes_of(list.data, n);
        list = bytes_of(list.data + n + (comma != NULL), list.len - n - (comma != NULL));
        while (one.len > 0 && (one.data[0] == ' ' || one.data[0] == '\t'))
            one = bytes_of(one.data + 1, one.len - 1);
        while (one.len > 0 && (one.data[one.len - 1] == ' ' || one.data[one.len - 1] == '\t'))
            one.len--;
        if (one.len == len && strncasecmp((const char *)one.data, option, len) == 0)
            return true;
    }
    return false;
}

static bool take_field(const struct http_field *field, struct seen *seen, struct http1_head *head,
                       struct idevs_error *ret_err)
{
    struct http_message *m = &head->message;

    make_lower(field->name);
    if (bytes_equal_text(field->name, "host"))
        return take_host(field->value, seen, head, ret_err);
    if (bytes_equal_text(field->name, "content-length"))
        return take_length(field->value, seen, head, ret_err);
    if (bytes_equal_text(field->name, "transfer-encoding"))
        return refuse(ret_err, "http.malformed", "Transfer-Encoding instead of Content-Length");
    if (bytes_equal_text(field->name, "expect")) {
        head->expects_continue = has_option(field->value, "100-continue");
        return head->expects_continue ||
               refuse(ret_err, "http.malformed", "an expectation other than 100-continue");
    }
    if (bytes_equal_text(field->name, "connection"))
        head->close = head->close || has_option(field->value, "close");
    if (field_is_of_connection(field->name))
        return true;
    if (m->n_fields == LIMIT_FIELDS)
        return refuse(ret_err, "http.malformed", "more than %d fields", LIMIT_FIELDS);
    m->fields[m->n_fields++] = *field;
    return true;
}

/* HTTP/1.1 SP three digits, and a reason that nobody reads. */
static bool parse_status_line(const uint8_t *line, size_t len, struct http_message *ret,
                              struct idevs_error *ret_err)
{
    const size_t digits = VERSION_LEN + 1;
    uint64_t status;

    if (len < digits + 3 || memcmp(line, VERSION " ", digits) != 0 ||
        (len > digits + 3 && line[digits + 3] != ' ') ||
        !parse_u64(bytes_of(line + digits, 3), 599, &status) || status < 100)
        return refuse(ret_err, "http.malformed", "a status line of another form");
    ret->status = (uint16_t)status;
    return true;
}

/* Every line behind the first, up to the empty one at the end. */
static bool parse_fields(uint8_t *data, const uint8_t *end, struct seen *seen,
                         struct http1_head *ret, struct idevs_error *ret_err)
{
    size_t line_len = 0;
    size_t field_bytes = 0;
    uint8_t *line;

    while ((line = take_line(&data, end, &line_len)) && line_len > 0) {
        struct http_field field;
        field_bytes += line_len;
        if (!field_parse(bytes_of(line, line_len), &field))
            return refuse(ret_err, "http.malformed", "a malformed field");
        if (field_bytes > LIMIT_FIELD_BYTES)
            return refuse(ret_err, "http.malformed", "more than %zu bytes of fields",
                          LIMIT_FIELD_BYTES);
        if (!take_field(&field, seen, ret, ret_err))
            return false;
    }
    return (line && data == end) ||
           refuse(ret_err, "http.malformed", "a head that does not end in an empty line");
}

bool http1_parse(uint8_t *data, size_t len, struct http1_head *ret, struct idevs_error *ret_err)
{
    const uint8_t *end = data + len;
    struct seen seen = {0};
    size_t line_len = 0;
    uint8_t *line = take_line(&data, end, &line_len);

    *ret = (struct http1_head){0};
    if (!line)
        return refuse(ret_err, "http.malformed", "a line that does not end in CR LF");
    if (!parse_request_line(line, line_len, &ret->message, ret_err) ||
        !parse_fields(data, end, &seen, ret, ret_err))
        return false;
    return seen.host || refuse(ret_err, "http.malformed", "no Host");
}

bool http1_parse_answer(uint8_t *data, size_t len, struct http1_head *ret,
                        struct idevs_error *ret_err)
{
    const uint8_t *end = data + len;
    struct seen seen = {0};
    size_t line_len = 0;
    const uint8_t *line = take_line(&data, end, &line_len);

    *ret = (struct http1_head){0};
    if (!line)
        return refuse(ret_err, "http.malformed", "a line that does not end in CR LF");
    return parse_status_line(line, line_len, &ret->message, ret_err) &&
           parse_fields(data, end, &seen, ret, ret_err);
}
