#include "wire/http1.h"
#include "base/text.h"
#include "wire/field.h"

#include "fuzz.h"

static void check_request_line(const struct http1_head *head)
{
    const struct http_message *m = &head->message;

    if (m->path.data[m->path.len] != 0 || !path_is_valid((const char *)m->path.data) ||
        m->authority.len == 0 || !field_is_token(m->method))
        abort();
}

static void check_fields(const struct http1_head *head, const uint8_t *copy, size_t len)
{
    const struct http_message *m = &head->message;

    for (size_t i = 0; i < m->n_fields; i++)
        if (!field_is_valid(&m->fields[i]) || field_is_of_connection(m->fields[i].name) ||
            m->fields[i].name.data < copy ||
            m->fields[i].value.data + m->fields[i].value.len > copy + len)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http1_head head;
    struct idevs_error err;
    size_t scanned = 0;
    size_t len = 0;
    size_t len_at_once = 0;
    size_t scanned_at_once = 0;
    enum http1_search found = HTTP1_MORE;
    enum http1_search at_once =
        http1_find_end(bytes_of(data, size), &scanned_at_once, &len_at_once);

    /* Byte by byte it is the same request. */
    for (size_t n = 1; n <= size && found == HTTP1_MORE; n++)
        found = http1_find_end(bytes_of(data, n), &scanned, &len);
    if (found != at_once || len != len_at_once)
        abort();
    if (found != HTTP1_FOUND)
        return 0;
    uint8_t *copy = malloc(len);
    if (!copy)
        return 0;
    memcpy(copy, data, len);
    if (http1_parse(copy, len, &head, &err)) {
        check_request_line(&head);
        check_fields(&head, copy, len);
    }
    memcpy(copy, data, len);
    if (http1_parse_answer(copy, len, &head, &err)) {
        if (head.message.status < 100 || head.message.status > 599)
            abort();
        check_fields(&head, copy, len);
    }
    free(copy);
    return 0;
}
