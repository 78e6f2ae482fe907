#include "net/client.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "crypto/tls.h"
#include "wire/field.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdlib.h>

struct client {
    struct event_base *base;
    struct event *timer;
    CURLM *multi;
    CURLSH *share; /* TLS sessions: a new connection need not begin from nothing */
    struct client_call *calls;
    size_t max_body;
    long connect_ms;
    long total_ms;
    struct buffer ca;                    /* read once: afterwards the sandbox may be closed */
    struct tls_credentials *credentials; /* NULL: none are shown */
    struct idevs_error broken;           /* why no call can succeed; code empty: nothing */
    bool calling_back;
    bool freed; /* by a callback */
};

struct client_call {
    struct client *client;
    struct client_call *next;
    struct client_call **link; /* what points here */
    CURL *easy;
    struct curl_slist *fields;
    struct event *refused; /* set when there was nothing to send: calls back from the loop */
    client_done done;
    void *context;
    struct buffer content;  /* of the request */
    struct buffer received; /* name, value, name, value, ... of the response */
    struct buffer body;
    struct field_span spans[LIMIT_FIELDS];
    size_t n_fields;
    struct idevs_error error; /* found while receiving */
    bool repeatable;          /* a method that may be sent twice */
    bool began;               /* a connection was there and sending began */
    bool answered;            /* some of an answer came */
    bool in_body;
    char why[CURL_ERROR_SIZE];
};

/* ---- what curl calls ---- */

static void watch_ready(evutil_socket_t fd, short what, void *context);

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *of_socket)
{
    struct client *client = context;
    short events = EV_PERSIST;

    (void)easy;
    if (of_socket)
        event_free(of_socket);
    if (what == CURL_POLL_REMOVE)
        return 0;
    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    struct event *watch = event_new(client->base, fd, events, watch_ready, client);
    if (!watch || event_add(watch, NULL) < 0)
        abort(); /* memory */
    curl_multi_assign(client->multi, fd, watch);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *context)
{
    struct client *client = context;
    struct timeval when = {ms / 1000, (ms % 1000) * 1000};

    (void)multi;
    if (ms < 0)
        return event_del(client->timer);
    return event_add(client->timer, &when);
}

/* curl repeats a request by itself when a kept connection turns out to be closed, a POST too. The
 * peer may have carried it out before it closed, so whatever is not a read is not repeated here. */
static int before_request(void *context, char *ip, char *local_ip, int port, int local_port)
{
    struct client_call *call = context;

    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    if (call->began && !call->repeatable)
        return CURL_PREREQFUNC_ABORT;
    call->began = true;
    return CURL_PREREQFUNC_OK;
}

static bool receive_field(struct client_call *call, struct bytes line)
{
    struct http_field field;
    struct field_span span;

    if (!field_parse(line, &field))
        return refuse(&call->error, "service.status", "a malformed field in the answer");
    if (call->n_fields == LIMIT_FIELDS)
        return refuse(&call->error, "service.status", "more than %d fields", LIMIT_FIELDS);
    if (!field_store(&call->received, &field, &span))
        return refuse(&call->error, "service.status", "more than %zu bytes of fields",
                      LIMIT_FIELD_BYTES);
    if (!field_is_of_connection(field_from(buffer_bytes(&call->received), &span).name))
        call->spans[call->n_fields++] = span;
    return true;
}

static size_t on_header(char *data, size_t size, size_t n, void *context)
{
    struct client_call *call = context;
    struct bytes line = bytes_of(data, size * n);

    call->answered = true;
    while (line.len > 0 && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r'))
        line.len--;
    if (line.len == 0 || call->in_body)
        return size * n; /* trailers are not believed */
    if (line.len > 5 && memcmp(line.data, "HTTP/", 5) == 0) {
        call->n_fields = 0; /* what came before was an interim answer */
        buffer_clear(&call->received);
        return size * n;
    }
    return receive_field(call, line) ? size * n : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
    struct client_call *call = context;

    call->in_body = true;
    if (buffer_append(&call->body, data, size * n))
        return size * n;
    refuse(&call->error, "service.status", "an answer of more than %zu bytes", call->body.max);
    return 0;
}

/* ---- the end of a call ---- */

/* The handle goes with the call, though its connection stays with the client: it would keep path
 * and query; and until libcurl 8.1.1 a handle that is used again remembers a field of the answer
 * before, which is freed by then, and writes there when the next answer begins with a continued
 * line. */
static void call_free(struct client_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    if (call->easy) {
        curl_multi_remove_handle(call->client->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    if (call->refused)
        event_free(call->refused);
    curl_slist_free_all(call->fields);
    buffer_free(&call->content);
    buffer_free(&call->received);
    buffer_free(&call->body);
    free(call);
}

/* Did anything of an answer come, so that it is the answer which is wrong? */
static bool is_bad_answer(const struct client_call *call, CURLcode code)
{
    switch (code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_WRITE_ERROR:
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_BAD_FUNCTION_ARGUMENT: /* a line of its head that has no name */
        return true;
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
        return call->answered;
    default:
        return false;
    }
}

static void describe_failure(struct client_call *call, CURLcode code, struct idevs_error *ret)
{
    if (call->error.code[0])
        *ret = call->error;
    else
        refuse(ret, is_bad_answer(call, code) ? "service.status" : "service.unreachable", "%s",
               call->why[0] ? call->why : curl_easy_strerror(code));
}

static void describe_answer(struct client_call *call, struct client_response *response)
{
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 599) {
        refuse(&response->error, "service.status", "status %ld", status);
        return;
    }
    response->message.status = (uint16_t)status;
    for (size_t i = 0; i < call->n_fields; i++)
        response->message.fields[i] = field_from(buffer_bytes(&call->received), &call->spans[i]);
    response->message.n_fields = call->n_fields;
    response->message.content = buffer_bytes(&call->body);
}

static void finish(struct client_call *call, CURLcode code)
{
    struct client_response response = {.sent = call->began};

    if (code == CURLE_OK)
        describe_answer(call, &response);
    else
        describe_failure(call, code, &response.error);
    if (response.error.code[0])
        response.message.status = 0;
    client_done done = call->done;
    void *context = call->context;
    call->done = NULL; /* from here on the handle is not the caller's */
    done(&response, context);
    call_free(call);
}

static void client_destroy(struct client *client)
{
    for (struct client_call *next = NULL, *call = client->calls; call; call = next) {
        next = call->next;
        call_free(call);
    }
    curl_multi_cleanup(client->multi);
    curl_share_cleanup(client->share);
    event_free(client->timer);
    buffer_free(&client->ca);
    tls_credentials_free(client->credentials);
    free(client);
}

/* Callbacks may send, cancel and even free the client. */
static void call_back(struct client *client)
{
    int left;
    CURLMsg *message;

    if (client->calling_back)
        return;
    client->calling_back = true;
    while (!client->freed && (message = curl_multi_info_read(client->multi, &left))) {
        struct client_call *call = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        finish(call, code);
    }
    client->calling_back = false;
    if (client->freed)
        client_destroy(client);
}

static void watch_ready(evutil_socket_t fd, short what, void *context)
{
    struct client *client = context;
    int running;
    int ready = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

    curl_multi_socket_action(client->multi, fd, ready, &running);
    call_back(client);
}

static void timer_ready(evutil_socket_t fd, short what, void *context)
{
    struct client *client = context;
    int running;

    (void)fd;
    (void)what;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    call_back(client);
}

static void refused_ready(evutil_socket_t fd, short what, void *context)
{
    struct client_call *call = context;
    struct client *client = call->client;

    (void)fd;
    (void)what;
    client->calling_back = true;
    finish(call, CURLE_ABORTED_BY_CALLBACK);
    client->calling_back = false;
    if (client->freed)
        client_destroy(client);
}

/* ---- the client ---- */

static bool read_credentials(struct client *client, const struct client_options *options)
{
    _cleanup_buffer_ struct buffer chain = buffer_up_to(LIMIT_PEM_CHAIN);
    _cleanup_buffer_ struct buffer key = buffer_up_to(LIMIT_PEM_KEY);

    if (!file_read(options->certificate, &chain, &client->broken) ||
        !file_read(options->key, &key, &client->broken))
        return false;
    client->credentials =
        tls_credentials_load(buffer_bytes(&chain), buffer_bytes(&key), &client->broken);
    return client->credentials != NULL;
}

/* What fails here is in `broken`, which every call is refused with. */
static void read_files(struct client *client, const struct client_options *options)
{
    if (options->ca_file && !file_read(options->ca_file, &client->ca, &client->broken))
        return;
    if (options->certificate && options->key)
        (void)read_credentials(client, options);
}

struct client *client_new(struct event_base *base, const struct client_options *options)
{
    struct client *client = alloc_zero(1, sizeof(*client));
    long per_host = options->max_per_host ? (long)options->max_per_host : LIMIT_CLIENT_PER_HOST;

    tls_prepare();
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc);
    client->base = base;
    client->timer = evtimer_new(base, timer_ready, client);
    client->multi = curl_multi_init();
    client->share = curl_share_init();
    if (!client->timer || !client->multi || !client->share)
        abort(); /* memory */
    client->max_body = options->max_body ? options->max_body : LIMIT_BODY;
    client->connect_ms = options->connect_ms ? options->connect_ms : LIMIT_CLIENT_CONNECT_MS;
    client->total_ms = options->total_ms ? options->total_ms : LIMIT_CLIENT_TOTAL_MS;
    client->ca = buffer_up_to(LIMIT_PEM_BUNDLE);
    read_files(client, options);
    curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)LIMIT_CLIENT_CONNECTIONS);
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return client;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    client->freed = true;
    if (!client->calling_back)
        client_destroy(client);
}

static CURLcode show_credentials(CURL *easy, void *ssl_ctx, void *context)
{
    const struct client *client = context;

    (void)easy;
    return tls_use_credentials(ssl_ctx, client->credentials) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static void set_tls(CURL *easy, struct client *client)
{
    struct curl_blob ca = {
        .data = client->ca.data, .len = client->ca.len, .flags = CURL_BLOB_NOCOPY};

    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    if (ca.len)
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
    if (!client->credentials)
        return;
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, show_credentials);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, client);
}

/* What is the same for every call of the client. */
static CURL *handle_new(struct client *client)
{
    CURL *easy = curl_easy_init();

    if (!easy)
        abort(); /* memory */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    set_tls(easy, client);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)LIMIT_CLIENT_IDLE_TIME);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, client->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, client->total_ms);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)client->max_body);
    curl_easy_setopt(easy, CURLOPT_SHARE, client->share);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    return easy;
}

/* ---- a call ---- */

static void add_line(struct client_call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->fields, line);

    if (!longer)
        abort(); /* memory */
    call->fields = longer;
}

static bool add_field(struct client_call *call, struct bytes name, struct bytes value)
{
    struct http_field field = {name, value};

    if (!field_is_valid(&field))
        return refuse(&call->error, "http.malformed", "a field that cannot be sent");
    /* curl's spelling of a field without value ends in a semicolon. */
    _cleanup_text_ char *line =
        value.len ? alloc_format("%.*s: %.*s", (int)name.len, (const char *)name.data,
                                 (int)value.len, (const char *)value.data)
                  : alloc_format("%.*s;", (int)name.len, (const char *)name.data);
    add_line(call, line);
    return true;
}

static bool set_fields(struct client_call *call, const struct http_message *m)
{
    add_line(call, "Expect:"); /* no pause before a large body */
    add_line(call, "Accept:");
    if (http_count(m, "content-type") == 0)
        add_line(call, "Content-Type:");
    if (m->authority.len && !add_field(call, bytes_of_text("host"), m->authority))
        return false;
    for (size_t i = 0; i < m->n_fields; i++)
        if (!add_field(call, m->fields[i].name, m->fields[i].value))
            return false;
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->fields);
    return true;
}

static bool set_method(struct client_call *call, const struct http_message *m)
{
    if (!field_is_token(m->method) || m->method.len > LIMIT_METHOD)
        return refuse(&call->error, "http.malformed", "a method that cannot be sent");
    _cleanup_text_ char *method =
        alloc_format("%.*s", (int)m->method.len, (const char *)m->method.data);
    bool is_get = strcmp(method, "GET") == 0;
    bool is_head = strcmp(method, "HEAD") == 0;

    call->repeatable = is_get || is_head;
    curl_easy_setopt(call->easy, CURLOPT_POST, 0L);
    curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(call->easy, CURLOPT_NOBODY, is_head ? 1L : 0L);
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, is_get || is_head ? NULL : method);
    if (is_get || is_head || (m->content.len == 0 && strcmp(method, "DELETE") == 0))
        return m->content.len == 0 ||
               refuse(&call->error, "http.malformed", "content in a %s request", method);
    curl_easy_setopt(call->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS,
                     call->content.data ? (const char *)call->content.data : "");
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->content.len);
    return true;
}

static bool set_target(struct client_call *call, const char *url, const struct http_message *m)
{
    _cleanup_text_ char *path =
        m->path.len ? alloc_format("%.*s", (int)m->path.len, (const char *)m->path.data)
                    : alloc_text("/");

    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f)
            return refuse(&call->error, "http.malformed", "a path that cannot be sent");
    if (path[0] != '/' || (m->path.len && strlen(path) != m->path.len))
        return refuse(&call->error, "http.malformed", "a path that cannot be sent");
    curl_easy_setopt(call->easy, CURLOPT_URL, url);
    curl_easy_setopt(call->easy, CURLOPT_REQUEST_TARGET, path);
    return true;
}

static bool prepare(struct client_call *call, const char *url, const struct http_message *m)
{
    struct client *client = call->client;

    if (client->broken.code[0])
        return refuse(&call->error, "service.unreachable", "%s", client->broken.found);
    call->easy = handle_new(client);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->why);
    curl_easy_setopt(call->easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    if (!buffer_append_bytes(&call->content, m->content))
        return refuse(&call->error, "http.body-too-large", "a body of %zu bytes", m->content.len);
    return set_target(call, url, m) && set_method(call, m) && set_fields(call, m);
}

struct client_call *client_send(struct client *client, const char *url,
                                const struct http_message *m, client_done done, void *context)
{
    struct client_call *call = alloc_zero(1, sizeof(*call));

    call->client = client;
    call->done = done;
    call->context = context;
    call->content = buffer_up_to(LIMIT_MESSAGE);
    call->received = buffer_up_to(LIMIT_FIELD_BYTES);
    call->body = buffer_up_to(client->max_body);
    call->next = client->calls;
    call->link = &client->calls;
    if (call->next)
        call->next->link = &call->next;
    client->calls = call;
    if (prepare(call, url, m) && curl_multi_add_handle(client->multi, call->easy) == CURLM_OK)
        return call;
    call->refused = evtimer_new(client->base, refused_ready, call);
    if (!call->refused)
        abort(); /* memory */
    event_active(call->refused, EV_TIMEOUT, 0);
    return call;
}

void client_cancel(struct client_call *call)
{
    if (call->done)
        call_free(call);
}
