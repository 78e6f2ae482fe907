/* What the three services of the example share: listening, SQLite, strict queries, JSON answers,
 * and Idempotency-Key. Ordinary web services: they know nothing of iDevS and trust whoever may
 * connect (in the example, their gateway alone). libevent, SQLite, jansson and OpenSSL only. */
#ifndef FREE_RIDE_SERVICE_H
#define FREE_RIDE_SERVICE_H

#include <event2/http.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call; /* one request and the answer to come */

struct service {
    const char *name;
    const char *schema;         /* run when the database is opened; IF NOT EXISTS */
    const char *const *queries; /* prepared once, used by index with service_query() */
    size_t n_queries;
    void (*handle)(struct call *call, const char *path); /* answers the call */
    bool (*load)(const char *file);                      /* --load, or NULL */
};

/* Parses the command line, opens the database, serves until SIGTERM or SIGINT. The exit status. */
int service_run(const struct service *service, int argc, char **argv);

/* Prepared statement `index`, reset and without bindings; the library's. */
sqlite3_stmt *service_query(size_t index);
/* Steps a statement that returns no row; ends the process when SQLite fails: nothing that was not
 * stored is ever acknowledged. */
void service_done(sqlite3_stmt *query);
/* Steps to the next row; false after the last. */
bool service_row(sqlite3_stmt *query);
/* Text of a column, "" for NULL. */
const char *service_text(sqlite3_stmt *query, int column);
int64_t service_last_id(void);
void service_begin(void);
void service_commit(void);

/* ---- the request ---- */
enum evhttp_cmd_type call_method(const struct call *call);
struct query_field {
    const char *name;
    int64_t min;
    int64_t max;
    int64_t value; /* its default before, what was sent after */
    bool present;
};
/* The query as decimal numbers, each field at most once and none else. False: 400 was answered. */
bool call_query(struct call *call, struct query_field *fields, size_t n_fields);
/* The number at the end of `path` after `prefix`; false when it is none. */
bool path_number(const char *path, const char *prefix, int64_t *ret);

/* ---- the answer: exactly one of these for each call ---- */
void call_error(struct call *call, int status, const char *text);
void call_only(struct call *call, const char *allowed);      /* 405 */
void call_json(struct call *call, int status, json_t *body); /* takes `body` over */
/* 200 application/x-ndjson of what was appended to call_lines(). */
struct evbuffer *call_lines(struct call *call);
void call_send_lines(struct call *call);

#define LIST_MAX   500 /* rows of one answer */
#define LIST_USUAL 100
/* GET ?after=N&limit=M: the rows of the statement `index`, which takes these two, an object a line.
 */
void call_list(struct call *call, size_t index, json_t *(*object_of)(sqlite3_stmt *row));

/* What a POST makes: a status with an object, which becomes the caller's, or an error text. */
struct made {
    int status;
    json_t *body;
    const char *error;
};
/* The whole of a POST of a JSON object: in one transaction, looks up Idempotency-Key (a key that
 * was used gives its stored answer for the same body, 422 for another), calls `make`, stores the
 * answer under the key, commits, answers. Nothing is stored of what `make` refuses. */
void call_post(struct call *call, struct made (*make)(const json_t *body));

/* Text member of 1 to `max` bytes, NULL when it is none. */
const char *member_text(const json_t *object, const char *name, size_t max);

#endif
