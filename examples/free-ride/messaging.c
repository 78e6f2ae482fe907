/* The messaging service of the paper's example: an outbox of text messages.
 *
 *   POST /send-message                   {"to", "text"}
 *   GET  /api/messages?after=N&limit=M   a JSON object a line, those with id > N, at most M
 */
#include "service.h"

#include <string.h>
#include <time.h>

#define MAX_PHONE 40
#define MAX_TEXT  2000

enum query {
    LIST,
    ADD,
};

static const char *const QUERIES[] = {
    [LIST] = "SELECT id, recipient, text, sent_at FROM messages WHERE id > ? ORDER BY id LIMIT ?",
    [ADD] = "INSERT INTO messages (recipient, text, sent_at) VALUES (?, ?, ?)",
};

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS messages ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT NOT NULL, text TEXT NOT NULL,"
    "  sent_at INTEGER NOT NULL)";

static struct made send_message(const json_t *body)
{
    const char *to = member_text(body, "to", MAX_PHONE);
    const char *text = member_text(body, "text", MAX_TEXT);

    if (json_object_size(body) != 2 || !to || !text)
        return (struct made){400, NULL, "to, text"};
    sqlite3_stmt *query = service_query(ADD);
    sqlite3_bind_text(query, 1, to, -1, SQLITE_STATIC);
    sqlite3_bind_text(query, 2, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(query, 3, time(NULL));
    service_done(query);
    return (struct made){201, json_pack("{sIss}", "id", service_last_id(), "state", "sent"), NULL};
}

static json_t *message_of(sqlite3_stmt *row)
{
    return json_pack("{sIsssssI}", "id", sqlite3_column_int64(row, 0), "to", service_text(row, 1),
                     "text", service_text(row, 2), "sent_at", sqlite3_column_int64(row, 3));
}

static void handle(struct call *call, const char *path)
{
    enum evhttp_cmd_type method = call_method(call);

    if (strcmp(path, "/send-message") == 0) {
        if (method != EVHTTP_REQ_POST)
            call_only(call, "POST");
        else if (call_query(call, NULL, 0))
            call_post(call, send_message);
    } else if (strcmp(path, "/api/messages") == 0) {
        if (method == EVHTTP_REQ_GET)
            call_list(call, LIST, message_of);
        else
            call_only(call, "GET");
    } else {
        call_error(call, 404, "there is no such path");
    }
}

int main(int argc, char **argv)
{
    static const struct service MESSAGING = {.name = "free-ride-messaging",
                                             .schema = SCHEMA,
                                             .queries = QUERIES,
                                             .n_queries = sizeof(QUERIES) / sizeof(QUERIES[0]),
                                             .handle = handle};
    return service_run(&MESSAGING, argc, argv);
}
