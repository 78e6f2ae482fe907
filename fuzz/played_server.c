#include "played_server.h"
#include "base/limits.h"

#include <stdio.h>

struct server {
    int nothing;
};

struct server_options played_options;

const struct http_message *server_message(const struct server_request *request)
{
    return &request->message;
}

/* The owner whose key has 32 zeros. */
bool server_client_spki(const struct server_request *request, uint8_t ret[32])
{
    (void)request;
    memset(ret, 0, 32);
    return true;
}

void server_answer_bytes(struct server_request *request, int status, const char *type,
                         struct bytes body)
{
    request->n_answers++;
    request->status = status;
    snprintf(request->type, sizeof(request->type), "%s", type);
    request->content = buffer_up_to(LIMIT_MESSAGE);
    must(status >= 200 && status <= 599 && buffer_append_bytes(&request->content, body));
}

void server_answer(struct server_request *request, const struct http_message *m)
{
    server_answer_bytes(request, m->status, "", m->content);
}

void server_answer_error(struct server_request *request, const struct idevs_error *err)
{
    must_be_refusal(err);
    server_answer_bytes(request, code_find(err->code)->http_status, "application/problem+json",
                        bytes_of(NULL, 0));
    snprintf(request->code, sizeof(request->code), "%s", err->code);
}

struct server *server_start(struct event_base *base, const struct server_options *options,
                            struct idevs_error *ret_err)
{
    static struct server server;

    (void)base;
    (void)ret_err;
    played_options = *options;
    return &server;
}

unsigned server_port(const struct server *server)
{
    (void)server;
    return 1;
}

void server_drain(struct server *server, unsigned seconds, void (*done)(void *), void *context)
{
    (void)server;
    (void)seconds;
    done(context);
}

void server_free(struct server *server)
{
    (void)server;
}

static bool take_until(struct reader *r, char end, struct bytes *ret)
{
    const uint8_t *at = reader_left(r) ? memchr(r->at, end, reader_left(r)) : NULL;
    struct bytes ended;

    return at && reader_bytes(r, (size_t)(at - r->at), ret) && reader_bytes(r, 1, &ended);
}

bool played_request(struct bytes in, struct server_request *ret)
{
    struct reader r = reader_of(in);
    struct bytes type;

    *ret = (struct server_request){.n_answers = 0};
    if (!take_until(&r, ' ', &ret->message.method) || !take_until(&r, '\n', &ret->message.path) ||
        !take_until(&r, '\n', &type))
        return false;
    ret->message.content = all_left(&r);
    return type.len == 0 || http_add(&ret->message, "content-type", type);
}

void played_serve(struct server_request *request, server_handler handler, void *context)
{
    handler(request, context);
    must(request->n_answers == 1);
}

void played_release(struct server_request *request)
{
    buffer_free(&request->content);
}
