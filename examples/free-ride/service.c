#include "service.h"
#include "https.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_BODY    (64 << 10)
#define MAX_HEADERS (16 << 10)
#define MAX_KEY     255
#define MAX_QUERIES 16
#define IDLE        75 /* seconds */

static const char COMMON_SCHEMA[] = "PRAGMA journal_mode=WAL;"
                                    "PRAGMA synchronous=FULL;"
                                    "CREATE TABLE IF NOT EXISTS idempotency ("
                                    "  key TEXT PRIMARY KEY, body BLOB NOT NULL,"
                                    "  status INTEGER NOT NULL, answer TEXT NOT NULL)";

enum common_query {
    BEGIN,
    COMMIT,
    ROLLBACK,
    FIND_KEY,
    ADD_KEY,
    N_COMMON,
};

static const char *const COMMON_QUERIES[N_COMMON] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND_KEY] = "SELECT body, status, answer FROM idempotency WHERE key = ?",
    [ADD_KEY] = "INSERT INTO idempotency (key, body, status, answer) VALUES (?, ?, ?, ?)",
};

struct call {
    struct evhttp_request *req;
    struct evbuffer *answer;
    int status;
};

/* One process, one service. */
static struct {
    const struct service *service;
    struct event_base *base;
    sqlite3 *db;
    sqlite3_stmt *common[N_COMMON];
    sqlite3_stmt *queries[MAX_QUERIES];
    struct timeval delay;
} the;

/* ---- the database ---- */

static void fail_of_database(void)
{
    fprintf(stderr, "%s: %s\n", the.service->name, sqlite3_errmsg(the.db));
    exit(1);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *query = NULL;

    if (sqlite3_prepare_v3(the.db, sql, -1, SQLITE_PREPARE_PERSISTENT, &query, NULL) != SQLITE_OK)
        fail_of_database();
    return query;
}

static bool open_database(const char *file)
{
    if (sqlite3_open(file, &the.db) != SQLITE_OK ||
        sqlite3_busy_timeout(the.db, 5000) != SQLITE_OK ||
        sqlite3_exec(the.db, COMMON_SCHEMA, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(the.db, the.service->schema, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s: %s\n", the.service->name, file, sqlite3_errmsg(the.db));
        return false;
    }
    for (size_t i = 0; i < N_COMMON; i++)
        the.common[i] = prepare(COMMON_QUERIES[i]);
    for (size_t i = 0; i < the.service->n_queries && i < MAX_QUERIES; i++)
        the.queries[i] = prepare(the.service->queries[i]);
    return true;
}

static void close_database(void)
{
    for (size_t i = 0; i < N_COMMON; i++)
        sqlite3_finalize(the.common[i]);
    for (size_t i = 0; i < MAX_QUERIES; i++)
        sqlite3_finalize(the.queries[i]);
    sqlite3_close(the.db);
}

static sqlite3_stmt *fresh(sqlite3_stmt *query)
{
    sqlite3_reset(query);
    sqlite3_clear_bindings(query);
    return query;
}

sqlite3_stmt *service_query(size_t index)
{
    return fresh(the.queries[index]);
}

bool service_row(sqlite3_stmt *query)
{
    int result = sqlite3_step(query);

    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        fail_of_database();
    sqlite3_reset(query); /* ends the read */
    return false;
}

void service_done(sqlite3_stmt *query)
{
    while (service_row(query))
        ;
}

const char *service_text(sqlite3_stmt *query, int column)
{
    const unsigned char *text = sqlite3_column_text(query, column);

    return text ? (const char *)text : "";
}

int64_t service_last_id(void)
{
    return sqlite3_last_insert_rowid(the.db);
}

void service_begin(void)
{
    service_done(fresh(the.common[BEGIN]));
}

void service_commit(void)
{
    service_done(fresh(the.common[COMMIT]));
}

/* ---- answers ---- */

static void send_now(struct call *call)
{
    evhttp_send_reply(call->req, call->status, NULL, call->answer);
    evbuffer_free(call->answer);
    free(call);
}

static void send_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    send_now(arg);
}

/* With --delay-ms what was done stays done while its answer is late. libevent keeps the request of
 * a client that has gone until it is answered. */
static void send_answer(struct call *call, int status, const char *type)
{
    call->status = status;
    evhttp_add_header(evhttp_request_get_output_headers(call->req), "Content-Type", type);
    if (!evutil_timerisset(&the.delay) ||
        event_base_once(the.base, -1, EV_TIMEOUT, send_late, call, &the.delay) != 0)
        send_now(call);
}

static void send_json_text(struct call *call, int status, const char *text)
{
    evbuffer_add(call->answer, text, strlen(text));
    evbuffer_add(call->answer, "\n", 1);
    send_answer(call, status, "application/json");
}

void call_json(struct call *call, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);

    json_decref(body);
    send_json_text(call, text ? status : 500, text ? text : "{}");
    free(text);
}

void call_error(struct call *call, int status, const char *text)
{
    call_json(call, status, json_pack("{ss}", "error", text));
}

void call_only(struct call *call, const char *allowed)
{
    evhttp_add_header(evhttp_request_get_output_headers(call->req), "Allow", allowed);
    call_error(call, 405, "this path is not for this method");
}

struct evbuffer *call_lines(struct call *call)
{
    return call->answer;
}

void call_send_lines(struct call *call)
{
    send_answer(call, 200, "application/x-ndjson");
}

/* ---- requests ---- */

enum evhttp_cmd_type call_method(const struct call *call)
{
    return evhttp_request_get_command(call->req);
}

/* Decimal without sign, spaces or leading zeros. */
static bool number_of(const char *text, size_t len, int64_t *ret)
{
    int64_t v = 0;

    if (len == 0 || len > 18 || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (text[i] - '0');
    }
    *ret = v;
    return true;
}

bool path_number(const char *path, const char *prefix, int64_t *ret)
{
    size_t n = strlen(prefix);

    return strncmp(path, prefix, n) == 0 && number_of(path + n, strlen(path + n), ret);
}

static struct query_field *find_field(struct query_field *fields, size_t n_fields, const char *name,
                                      size_t len)
{
    for (size_t i = 0; i < n_fields; i++)
        if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0)
            return &fields[i];
    return NULL;
}

static bool take_field(struct query_field *fields, size_t n_fields, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);

    if (!equals)
        return false;
    size_t name_len = (size_t)(equals - text);
    struct query_field *field = find_field(fields, n_fields, text, name_len);
    if (!field || field->present || !number_of(equals + 1, len - name_len - 1, &field->value))
        return false;
    field->present = true;
    return field->value >= field->min && field->value <= field->max;
}

bool call_query(struct call *call, struct query_field *fields, size_t n_fields)
{
    const char *at = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(call->req));

    while (at) {
        size_t len = strcspn(at, "&");
        if (!take_field(fields, n_fields, at, len)) {
            call_error(call, 400, "the query has an unknown, repeated or malformed field");
            return false;
        }
        at = at[len] ? at + len + 1 : NULL;
    }
    return true;
}

void call_list(struct call *call, size_t index, json_t *(*object_of)(sqlite3_stmt *row))
{
    struct query_field fields[] = {
        {.name = "after", .max = INT64_MAX},
        {.name = "limit", .min = 1, .max = LIST_MAX, .value = LIST_USUAL}};

    if (!call_query(call, fields, 2))
        return;
    sqlite3_stmt *query = service_query(index);
    sqlite3_bind_int64(query, 1, fields[0].value);
    sqlite3_bind_int64(query, 2, fields[1].value);
    while (service_row(query)) {
        json_t *object = object_of(query);
        char *text = json_dumps(object, JSON_COMPACT);
        if (text)
            evbuffer_add_printf(call_lines(call), "%s\n", text);
        free(text);
        json_decref(object);
    }
    call_send_lines(call);
}

const char *member_text(const json_t *object, const char *name, size_t max)
{
    const json_t *value = json_object_get(object, name);
    size_t len = json_string_length(value);

    return len >= 1 && len <= max ? json_string_value(value) : NULL;
}

/* ---- POST and Idempotency-Key ---- */

/* NULL in `ret` when there is none; false when it is repeated or no visible ASCII. */
static bool read_key(struct call *call, const char **ret)
{
    const char *key = NULL;
    const struct evkeyval *header;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(call->req);

    for (header = headers->tqh_first; header; header = header->next.tqe_next) {
        if (evutil_ascii_strcasecmp(header->key, "Idempotency-Key") != 0)
            continue;
        if (key)
            return false;
        key = header->value;
    }
    size_t len = key ? strlen(key) : 1;
    for (size_t i = 0; key && i < len; i++)
        if (key[i] <= 0x20 || key[i] > 0x7e)
            return false;
    *ret = key;
    return len >= 1 && len <= MAX_KEY;
}

/* True when the key was used before; then the call is answered. */
static bool answer_again(struct call *call, const char *key, const char *body, size_t len)
{
    sqlite3_stmt *query = fresh(the.common[FIND_KEY]);

    sqlite3_bind_text(query, 1, key, -1, SQLITE_STATIC);
    if (!service_row(query))
        return false;
    if ((size_t)sqlite3_column_bytes(query, 0) == len &&
        memcmp(sqlite3_column_blob(query, 0), body, len) == 0)
        send_json_text(call, sqlite3_column_int(query, 1), service_text(query, 2));
    else
        call_error(call, 422, "this Idempotency-Key was used with another body");
    sqlite3_reset(query);
    return true;
}

static void remember(const char *key, const char *body, size_t len, int status, const char *answer)
{
    sqlite3_stmt *query = fresh(the.common[ADD_KEY]);

    sqlite3_bind_text(query, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_blob(query, 2, body, (int)len, SQLITE_STATIC);
    sqlite3_bind_int(query, 3, status);
    sqlite3_bind_text(query, 4, answer, -1, SQLITE_STATIC);
    service_done(query);
}

/* The commit stands before the answer: what was acknowledged survives a SIGKILL. */
static void make_and_store(struct call *call, const char *key, const char *body, size_t len,
                           const json_t *parsed, struct made (*make)(const json_t *))
{
    struct made made = make(parsed);
    char *text = made.body ? json_dumps(made.body, JSON_COMPACT) : NULL;

    json_decref(made.body);
    if (!text) {
        service_done(fresh(the.common[ROLLBACK]));
        call_error(call, made.status, made.error);
        return;
    }
    if (key)
        remember(key, body, len, made.status, text);
    service_commit();
    send_json_text(call, made.status, text);
    free(text);
}

void call_post(struct call *call, struct made (*make)(const json_t *body))
{
    struct evbuffer *in = evhttp_request_get_input_buffer(call->req);
    size_t len = evbuffer_get_length(in);
    const char *body = len ? (const char *)evbuffer_pullup(in, -1) : "";
    const char *key = NULL;

    if (!read_key(call, &key)) {
        call_error(call, 400, "Idempotency-Key: one, of 1 to 255 visible characters");
        return;
    }
    json_t *parsed = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        call_error(call, 400, "the body is no JSON object");
        return;
    }
    service_begin();
    if (key && answer_again(call, key, body, len))
        service_done(fresh(the.common[ROLLBACK]));
    else
        make_and_store(call, key, body, len, parsed, make);
    json_decref(parsed);
}

/* ---- serving ---- */

static void handle_request(struct evhttp_request *req, void *arg)
{
    struct call *call = calloc(1, sizeof(*call));
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));

    (void)arg;
    if (!call || !(call->answer = evbuffer_new()))
        exit(1);
    call->req = req;
    the.service->handle(call, path ? path : "");
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopexit(arg, NULL);
}

static bool print_address(evutil_socket_t fd, const char *scheme)
{
    struct sockaddr_in bound = {0};
    socklen_t len = sizeof(bound);
    char host[INET_ADDRSTRLEN];
    int one = 1;

    /* accepted connections inherit it */
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) != 0 || bound.sin_family != AF_INET ||
        !evutil_inet_ntop(AF_INET, &bound.sin_addr, host, sizeof(host)))
        return false;
    printf("listening on %s%s:%u\n", scheme, host, ntohs(bound.sin_port));
    return fflush(stdout) == 0;
}

/* ADDRESS:PORT of IPv4; port 0 is any. */
static bool parse_address(const char *text, char host[INET_ADDRSTRLEN], int64_t *ret_port)
{
    size_t len = strcspn(text, ":");
    struct in_addr address;

    if (len >= INET_ADDRSTRLEN || text[len] != ':')
        return false;
    memcpy(host, text, len);
    host[len] = 0;
    return evutil_inet_pton(AF_INET, host, &address) == 1 &&
           number_of(text + len + 1, strlen(text + len + 1), ret_port) && *ret_port <= UINT16_MAX;
}

static bool listen_on(struct evhttp *http, const char *address, const char *scheme)
{
    char host[INET_ADDRSTRLEN];
    int64_t port;

    if (!parse_address(address, host, &port)) {
        fprintf(stderr, "%s: %s: ADDRESS:PORT is needed\n", the.service->name, address);
        return false;
    }
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, host, (uint16_t)port);
    if (bound && print_address(evhttp_bound_socket_get_fd(bound), scheme))
        return true;
    fprintf(stderr, "%s: %s: %s\n", the.service->name, address, strerror(errno));
    return false;
}

static struct evhttp *new_server(void)
{
    struct evhttp *http = evhttp_new(the.base);

    evhttp_set_gencb(http, handle_request, NULL);
    evhttp_set_max_body_size(http, MAX_BODY);
    evhttp_set_max_headers_size(http, MAX_HEADERS);
    evhttp_set_timeout(http, IDLE);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                         EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH | EVHTTP_REQ_HEAD |
                                         EVHTTP_REQ_OPTIONS);
    return http;
}

struct options {
    const char *listen;
    const char *https;
    const char *certificate;
    const char *key;
    const char *database;
    const char *load;
    int64_t delay_ms;
};

static bool listen_securely(struct evhttp *http, SSL_CTX *tls, const char *address)
{
    if (!tls)
        return false;
    https_enable(http, tls);
    return listen_on(http, address, "https://");
}

static int serve(const struct options *options)
{
    SSL_CTX *tls = options->https ? https_context(options->certificate, options->key) : NULL;

    the.base = event_base_new();
    struct evhttp *http = new_server();
    struct evhttp *https = new_server();
    struct event *term = evsignal_new(the.base, SIGTERM, stop, the.base);
    struct event *interrupt = evsignal_new(the.base, SIGINT, stop, the.base);
    evsignal_add(term, NULL);
    evsignal_add(interrupt, NULL);
    bool listens = listen_on(http, options->listen, "") &&
                   (!options->https || listen_securely(https, tls, options->https));
    if (listens)
        event_base_dispatch(the.base);
    evhttp_free(http);
    evhttp_free(https);
    event_free(term);
    event_free(interrupt);
    event_base_free(the.base);
    SSL_CTX_free(tls);
    return listens ? 0 : 1;
}

/* ---- the command line ---- */

static bool parse_options(int argc, char **argv, struct options *ret)
{
    static const struct option OPTIONS[] = {
        {"listen", required_argument, NULL, 'l'},      {"https", required_argument, NULL, 's'},
        {"certificate", required_argument, NULL, 'c'}, {"key", required_argument, NULL, 'k'},
        {"database", required_argument, NULL, 'd'},    {"load", required_argument, NULL, 'f'},
        {"delay-ms", required_argument, NULL, 'm'},    {0}};
    int option;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'l')
            ret->listen = optarg;
        else if (option == 's')
            ret->https = optarg;
        else if (option == 'c')
            ret->certificate = optarg;
        else if (option == 'k')
            ret->key = optarg;
        else if (option == 'd')
            ret->database = optarg;
        else if (option == 'f')
            ret->load = optarg;
        else if (option != 'm' || !number_of(optarg, strlen(optarg), &ret->delay_ms) ||
                 ret->delay_ms > 600000)
            return false;
    }
    return optind == argc && ret->database && !ret->listen != !ret->load &&
           (!ret->load || the.service->load) && !ret->https == !ret->certificate &&
           !ret->https == !ret->key && (!ret->https || ret->listen);
}

int service_run(const struct service *service, int argc, char **argv)
{
    struct options options = {0};

    the.service = service;
    if (!parse_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: %s --database FILE --listen ADDRESS:PORT [--delay-ms N]\n"
                "           [--https ADDRESS:PORT --certificate FILE --key FILE]\n",
                service->name);
        if (service->load)
            fprintf(stderr, "       %s --database FILE --load FILE\n", service->name);
        return 2;
    }
    the.delay = (struct timeval){.tv_sec = options.delay_ms / 1000,
                                 .tv_usec = options.delay_ms % 1000 * 1000};
    signal(SIGPIPE, SIG_IGN);
    int status = 1;
    if (open_database(options.database))
        status = options.load ? (service->load(options.load) ? 0 : 1) : serve(&options);
    close_database();
    return status;
}
