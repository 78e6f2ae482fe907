#include "net/client.h"

#include <event2/event.h>

struct fetch {
    struct event_base *base;
    struct buffer *storage;
    struct http_message *ret;
    struct idevs_error *ret_err;
    bool ok;
};

static struct bytes keep(struct buffer *b, struct bytes in)
{
    size_t at = b->len;

    if (!buffer_append_bytes(b, in))
        return bytes_of(NULL, 0); /* cannot be: the room was checked and made before */
    return bytes_of(b->data + at, in.len);
}

static size_t size_of(const struct http_message *m)
{
    size_t size = m->content.len;

    for (size_t i = 0; i < m->n_fields; i++)
        size += m->fields[i].name.len + m->fields[i].value.len;
    return size;
}

static void keep_answer(const struct client_response *response, void *context)
{
    struct fetch *fetch = context;
    const struct http_message *m = &response->message;

    event_base_loopbreak(fetch->base);
    if (response->error.code[0]) {
        if (fetch->ret_err)
            *fetch->ret_err = response->error;
        return;
    }
    buffer_clear(fetch->storage);
    if (!buffer_extend(fetch->storage, size_of(m))) {
        refuse(fetch->ret_err, "service.status", "an answer of %zu bytes", size_of(m));
        return;
    }
    buffer_clear(fetch->storage); /* the room stays, so nothing moves from here on */
    *fetch->ret = (struct http_message){.status = m->status, .n_fields = m->n_fields};
    for (size_t i = 0; i < m->n_fields; i++) {
        fetch->ret->fields[i].name = keep(fetch->storage, m->fields[i].name);
        fetch->ret->fields[i].value = keep(fetch->storage, m->fields[i].value);
    }
    fetch->ret->content = keep(fetch->storage, m->content);
    fetch->ok = true;
}

bool client_fetch(const struct client_options *options, const char *url,
                  const struct http_message *m, struct buffer *storage, struct http_message *ret,
                  struct idevs_error *ret_err)
{
    struct fetch fetch = {.storage = storage, .ret = ret, .ret_err = ret_err};

    fetch.base = event_base_new();
    if (!fetch.base)
        return refuse(ret_err, "internal", "no event loop");
    struct client *client = client_new(fetch.base, options);
    client_send(client, url, m, keep_answer, &fetch);
    event_base_dispatch(fetch.base);
    client_free(client);
    event_base_free(fetch.base);
    return fetch.ok;
}
