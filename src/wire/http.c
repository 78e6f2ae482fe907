#include "wire/http.h"

bool http_add(struct http_message *m, const char *name, struct bytes value)
{
    if (m->n_fields >= LIMIT_FIELDS)
        return false;
    m->fields[m->n_fields++] = (struct http_field){bytes_of_text(name), value};
    return true;
}

bool http_get(const struct http_message *m, const char *name, struct bytes *ret)
{
    const struct http_field *found = NULL;
    struct bytes wanted = bytes_of_text(name);

    for (size_t i = 0; i < m->n_fields; i++) {
        if (!bytes_equal(m->fields[i].name, wanted))
            continue;
        if (found)
            return false;
        found = &m->fields[i];
    }
    if (found)
        *ret = found->value;
    return found != NULL;
}

size_t http_count(const struct http_message *m, const char *name)
{
    size_t n = 0;
    struct bytes wanted = bytes_of_text(name);

    for (size_t i = 0; i < m->n_fields; i++)
        n += bytes_equal(m->fields[i].name, wanted);
    return n;
}
