#include "wire/field.h"

bool field_is_token(struct bytes name)
{
    static const char MARKS[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && !memchr(MARKS, c, sizeof(MARKS) - 1))
            return false;
    }
    return name.len > 0;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

bool field_is_valid(const struct http_field *field)
{
    struct bytes v = field->value;

    for (size_t i = 0; i < v.len; i++)
        if ((v.data[i] < 0x20 && v.data[i] != '\t') || v.data[i] == 0x7f)
            return false;
    if (v.len > 0 && (is_space(v.data[0]) || is_space(v.data[v.len - 1])))
        return false;
    return field_is_token(field->name);
}

bool field_parse(struct bytes line, struct http_field *ret)
{
    const uint8_t *colon = line.len ? memchr(line.data, ':', line.len) : NULL;

    if (!colon)
        return false;
    struct bytes name = bytes_of(line.data, (size_t)(colon - line.data));
    struct bytes value = bytes_of(colon + 1, line.len - name.len - 1);
    while (value.len > 0 && is_space(value.data[0]))
        value = bytes_of(value.data + 1, value.len - 1);
    while (value.len > 0 && is_space(value.data[value.len - 1]))
        value.len--;
    struct http_field field = {name, value};
    if (!field_is_valid(&field))
        return false;
    *ret = field;
    return true;
}

bool field_store(struct buffer *b, const struct http_field *field, struct field_span *ret)
{
    size_t at = b->len;
    uint8_t *room = buffer_extend(b, field->name.len + field->value.len);

    if (!room)
        return false;
    for (size_t i = 0; i < field->name.len; i++) {
        uint8_t c = field->name.data[i];
        room[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
    }
    if (field->value.len)
        memcpy(room + field->name.len, field->value.data, field->value.len);
    *ret = (struct field_span){at, field->name.len, at + field->name.len, field->value.len};
    return true;
}

struct http_field field_from(struct bytes storage, const struct field_span *span)
{
    return (struct http_field){bytes_of(storage.data + span->name, span->name_len),
                               bytes_of(storage.data + span->value, span->value_len)};
}

bool field_is_of_connection(struct bytes name)
{
    static const char *const NAMES[] = {
        "connection", "content-length", "keep-alive",        "proxy-connection",
        "te",         "trailer",        "transfer-encoding", "upgrade"};

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (bytes_equal_text(name, NAMES[i]))
            return true;
    return false;
}
