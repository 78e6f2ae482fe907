#include "base/alloc.h"
#include "base/codes.h"
#include "net/connection.h"
#include "wire/field.h"

#include <event2/buffer.h>
#include <stdlib.h>

const struct http_message *server_message(const struct server_request *request)
{
    return &request->head.message;
}

bool server_client_spki(const struct server_request *request, uint8_t ret[32])
{
    if (request->has_spki)
        memcpy(ret, request->spki, sizeof(request->spki));
    return request->has_spki;
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } REASONS[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++)
        if (REASONS[i].status == status)
            return REASONS[i].phrase;
    return "Status";
}

static bool append_field(struct buffer *b, const struct http_field *field)
{
    if (field_is_of_connection(field->name) || bytes_equal_text(field->name, "date"))
        return true; /* set here */
    return field_is_valid(field) && buffer_append_bytes(b, field->name) &&
           buffer_append_text(b, ": ") && buffer_append_bytes(b, field->value) &&
           buffer_append_text(b, "\r\n");
}

static bool append_head(struct connection *c, const struct http_message *m, struct buffer *b)
{
    if (!buffer_append_format(b, "HTTP/1.1 %u %s\r\ndate: %s\r\n", m->status, reason(m->status),
                              server_date(c->server)))
        return false;
    for (size_t i = 0; i < m->n_fields; i++)
        if (!append_field(b, &m->fields[i]))
            return false;
    return !c->closing || buffer_append_text(b, "connection: close\r\n");
}

/* The request has its answer: it goes, the connection carries on. */
static void end_request(struct server_request *request)
{
    struct connection *c = request->connection;

    request_free(request);
    if (!c)
        return;
    c->request = NULL;
    connection_enter(c, CONNECTION_ANSWERING);
    /* The whole answer within the time that a whole request may take. */
    connection_set_deadline(c, c->server->options.body_seconds);
    connection_advance(c);
}

static bool has_content(const struct server_request *request, unsigned status)
{
    return status != 204 && status != 304 &&
           !bytes_equal_text(request->head.message.method, "HEAD");
}

/* Head and content in one block. */
static bool write_answer(struct server_request *request, const struct http_message *m)
{
    struct connection *c = request->connection;
    struct bytes content = has_content(request, m->status) ? m->content : bytes_of(NULL, 0);
    _cleanup_buffer_ struct buffer head = buffer_up_to(LIMIT_ANSWER_HEAD);

    if (m->status < 200 || m->status > 599 || !append_head(c, m, &head))
        return false;
    if (m->status != 204 && !buffer_append_format(&head, "content-length: %zu\r\n", m->content.len))
        return false;
    if (!buffer_append_text(&head, "\r\n"))
        return false;
    connection_write(c, buffer_bytes(&head), content);
    return true;
}

/* Short answers always fit, as short requests do. */
static bool fits(const struct server_request *request, const struct http_message *m,
                 struct idevs_error *err)
{
    const struct connection *c = request->connection;
    size_t len = m->content.len;

    return !c || len <= LIMIT_SERVER_FIRST_CONTENT || !has_content(request, m->status) ||
           server_make_room(c->server, len, request->content_room) ||
           refuse(err, "http.busy", "an answer of %zu bytes, %zu in flight", len,
                  c->server->memory->held);
}

void server_answer(struct server_request *request, const struct http_message *m)
{
    static const struct http_message BROKEN = {.status = 500};
    struct idevs_error err;

    if (!fits(request, m, &err)) {
        server_answer_error(request, &err);
        return;
    }
    /* Fields that cannot be sent are a bug of the handler, or a trick of somebody behind it. */
    if (request->connection && !write_answer(request, m) && !write_answer(request, &BROKEN))
        abort();
    end_request(request);
}

void server_answer_bytes(struct server_request *request, int status, const char *type,
                         struct bytes body)
{
    struct http_message m = {.status = (uint16_t)status, .content = body};

    if (type && !http_add(&m, "content-type", bytes_of_text(type)))
        abort();
    server_answer(request, &m);
}

void server_answer_error(struct server_request *request, const struct idevs_error *err)
{
    const struct code *entry = code_find(err->code);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PROBLEM);

    if (!problem_json(err, &b))
        buffer_clear(&b);
    server_answer_bytes(request, entry ? entry->http_status : 500, "application/problem+json",
                        buffer_bytes(&b));
}

/* ---- answers in pieces ---- */

void server_stream_begin(struct server_request *request, int status, const char *type)
{
    struct connection *c = request->connection;
    _cleanup_buffer_ struct buffer head = buffer_up_to(LIMIT_ANSWER_HEAD);
    struct http_message m = {.status = (uint16_t)status};

    if (!c)
        return;
    if (!http_add(&m, "content-type", bytes_of_text(type)) || !append_head(c, &m, &head) ||
        !buffer_append_text(&head, "transfer-encoding: chunked\r\n\r\n"))
        abort();
    connection_enter(c, CONNECTION_STREAMING);
    connection_write(c, buffer_bytes(&head), bytes_of(NULL, 0));
}

bool server_stream_piece(struct server_request *request, struct bytes piece)
{
    struct connection *c = request->connection;
    _cleanup_buffer_ struct buffer chunk = buffer_up_to(piece.len + 32);

    if (!c || evbuffer_get_length(bufferevent_get_output(c->bev)) > LIMIT_STREAM_BACKLOG)
        return false;
    if (piece.len == 0)
        return true; /* an empty chunk would end the answer */
    if (!buffer_append_format(&chunk, "%zx\r\n", piece.len) ||
        !buffer_append_bytes(&chunk, piece) || !buffer_append_text(&chunk, "\r\n"))
        return false;
    connection_write(c, buffer_bytes(&chunk), bytes_of(NULL, 0));
    return request->connection != NULL;
}

void server_stream_end(struct server_request *request)
{
    if (request->connection)
        connection_write(request->connection, bytes_of_text("0\r\n\r\n"), bytes_of(NULL, 0));
    end_request(request);
}
