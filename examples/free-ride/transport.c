/* The transport service of the paper's example: trips home.
 *
 *   POST   /api/trips                   books {"sale", "customer", "phone", "address"}
 *   GET    /api/trips?after=N&limit=M   a JSON object a line, those with id > N, at most M
 *   GET    /api/trips/ID
 *   DELETE /api/trips/ID                cancels it; again is the same
 */
#include "service.h"

#include <string.h>
#include <time.h>

#define MAX_TEXT  500
#define MAX_PHONE 40

enum query {
    LIST,
    GET,
    ADD,
    CANCEL,
};

#define COLUMNS "id, sale, customer, phone, address, state, booked_at"

static const char *const QUERIES[] = {
    [LIST] = "SELECT " COLUMNS " FROM trips WHERE id > ? ORDER BY id LIMIT ?",
    [GET] = "SELECT " COLUMNS " FROM trips WHERE id = ?",
    [ADD] = ("INSERT INTO trips (sale, customer, phone, address, state, booked_at)"
             " VALUES (?, ?, ?, ?, 'booked', ?)"),
    [CANCEL] = "UPDATE trips SET state = 'cancelled' WHERE id = ?",
};

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS trips ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, sale INTEGER NOT NULL, customer TEXT NOT NULL,"
    "  phone TEXT NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL, booked_at INTEGER NOT "
    "NULL)";

static json_t *trip_of(sqlite3_stmt *row)
{
    return json_pack("{sIsIsssssssssI}", "id", sqlite3_column_int64(row, 0), "sale",
                     sqlite3_column_int64(row, 1), "customer", service_text(row, 2), "phone",
                     service_text(row, 3), "address", service_text(row, 4), "state",
                     service_text(row, 5), "booked_at", sqlite3_column_int64(row, 6));
}

/* NULL when there is none. */
static json_t *find_trip(int64_t id)
{
    sqlite3_stmt *query = service_query(GET);
    json_t *trip = NULL;

    sqlite3_bind_int64(query, 1, id);
    if (service_row(query))
        trip = trip_of(query);
    sqlite3_reset(query);
    return trip;
}

static struct made book_trip(const json_t *body)
{
    const json_t *sale = json_object_get(body, "sale");
    const char *customer = member_text(body, "customer", MAX_TEXT);
    const char *phone = member_text(body, "phone", MAX_PHONE);
    const char *address = member_text(body, "address", MAX_TEXT);

    if (json_object_size(body) != 4 || !json_is_integer(sale) || json_integer_value(sale) < 0 ||
        !customer || !phone || !address)
        return (struct made){400, NULL, "sale, customer, phone, address"};
    sqlite3_stmt *query = service_query(ADD);
    sqlite3_bind_int64(query, 1, json_integer_value(sale));
    sqlite3_bind_text(query, 2, customer, -1, SQLITE_STATIC);
    sqlite3_bind_text(query, 3, phone, -1, SQLITE_STATIC);
    sqlite3_bind_text(query, 4, address, -1, SQLITE_STATIC);
    sqlite3_bind_int64(query, 5, time(NULL));
    service_done(query);
    return (struct made){201, find_trip(service_last_id()), "the trip cannot be read back"};
}

static void cancel(int64_t id)
{
    sqlite3_stmt *query = service_query(CANCEL);

    sqlite3_bind_int64(query, 1, id);
    service_done(query);
}

static void one_trip(struct call *call, int64_t id)
{
    enum evhttp_cmd_type method = call_method(call);

    if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_DELETE) {
        call_only(call, "GET, DELETE");
        return;
    }
    if (!call_query(call, NULL, 0))
        return;
    if (method == EVHTTP_REQ_DELETE)
        cancel(id);
    json_t *trip = find_trip(id);
    if (trip)
        call_json(call, 200, trip);
    else
        call_error(call, 404, "there is no such trip");
}

static void handle(struct call *call, const char *path)
{
    enum evhttp_cmd_type method = call_method(call);
    int64_t id;

    if (path_number(path, "/api/trips/", &id))
        one_trip(call, id);
    else if (strcmp(path, "/api/trips") != 0)
        call_error(call, 404, "there is no such path");
    else if (method == EVHTTP_REQ_GET)
        call_list(call, LIST, trip_of);
    else if (method != EVHTTP_REQ_POST)
        call_only(call, "GET, POST");
    else if (call_query(call, NULL, 0))
        call_post(call, book_trip);
}

int main(int argc, char **argv)
{
    static const struct service TRANSPORT = {.name = "free-ride-transport",
                                             .schema = SCHEMA,
                                             .queries = QUERIES,
                                             .n_queries = sizeof(QUERIES) / sizeof(QUERIES[0]),
                                             .handle = handle};
    return service_run(&TRANSPORT, argc, argv);
}
