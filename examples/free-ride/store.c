/* The store of the paper's example: sales, in the order in which they were committed.
 *
 *   GET  /api/sales?after=N&limit=M   a JSON object a line, those with seq > N, at most M
 *   GET  /api/sales?id=ID             all rows of one sale number (which may occur twice)
 *   GET  /api/sales/last
 *   POST /api/sales                   registers one
 *
 * Like the paper's database it holds what breaks naive readers: a total may be infinite, and is
 * printed as the word that is not JSON; a customer may be missing; a number may come twice. */
#include "service.h"

#include <event2/buffer.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 500

enum query {
    LIST,
    BY_ID,
    LAST,
    ADD,
};

#define COLUMNS "seq, id, date, vendor, name, phone, address, product, quantity, total"

static const char *const QUERIES[] = {
    [LIST] = "SELECT " COLUMNS " FROM sales WHERE seq > ? ORDER BY seq LIMIT ?",
    [BY_ID] = "SELECT " COLUMNS " FROM sales WHERE id = ? ORDER BY seq",
    [LAST] = "SELECT " COLUMNS " FROM sales ORDER BY seq DESC LIMIT 1",
    [ADD] = ("INSERT INTO sales (id, date, vendor, name, phone, address, product, quantity, total)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
};

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS sales ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL, date TEXT NOT NULL,"
    "  vendor TEXT NOT NULL, name TEXT, phone TEXT, address TEXT," /* all three NULL: no customer */
    "  product TEXT NOT NULL, quantity INTEGER NOT NULL, total REAL NOT NULL);"
    "CREATE INDEX IF NOT EXISTS sales_by_id ON sales (id, seq)";

/* ---- writing rows ---- */

static void add_text(struct evbuffer *out, const char *text)
{
    evbuffer_add(out, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        evbuffer_add(out, text, plain);
        text += plain;
        if (*text == '"' || *text == '\\')
            evbuffer_add_printf(out, "\\%c", *text++);
        else if (*text)
            evbuffer_add_printf(out, "\\u%04x", (unsigned)*text++);
    }
    evbuffer_add(out, "\"", 1);
}

static void add_member(struct evbuffer *out, const char *name, sqlite3_stmt *row, int column)
{
    evbuffer_add_printf(out, "\"%s\":", name);
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        evbuffer_add(out, "null", 4);
    else
        add_text(out, service_text(row, column));
}

static void add_customer(struct evbuffer *out, sqlite3_stmt *row)
{
    if (sqlite3_column_type(row, 4) == SQLITE_NULL) {
        evbuffer_add_printf(out, ",\"customer\":null");
        return;
    }
    evbuffer_add_printf(out, ",\"customer\":{");
    add_member(out, "name", row, 4);
    evbuffer_add(out, ",", 1);
    add_member(out, "phone", row, 5);
    evbuffer_add(out, ",", 1);
    add_member(out, "address", row, 6);
    evbuffer_add(out, "}", 1);
}

static void add_row(struct evbuffer *out, sqlite3_stmt *row)
{
    double total = sqlite3_column_double(row, 9);

    evbuffer_add_printf(out, "{\"seq\":%lld,\"id\":%lld,", sqlite3_column_int64(row, 0),
                        sqlite3_column_int64(row, 1));
    add_member(out, "date", row, 2);
    evbuffer_add(out, ",", 1);
    add_member(out, "vendor", row, 3);
    add_customer(out, row);
    evbuffer_add(out, ",", 1);
    add_member(out, "product", row, 7);
    evbuffer_add_printf(out, ",\"quantity\":%lld,\"total\":", sqlite3_column_int64(row, 8));
    if (isinf(total))
        evbuffer_add_printf(out, "%sInfinity}\n", total < 0 ? "-" : "");
    else
        evbuffer_add_printf(out, "%.15g}\n", total);
}

static void send_rows(struct call *call, sqlite3_stmt *query)
{
    while (service_row(query))
        add_row(call_lines(call), query);
    call_send_lines(call);
}

/* ---- registering ---- */

/* dd/mm/yyyy */
static bool is_date(const char *text)
{
    int day;
    int month;

    if (!text || strlen(text) != 10 || strspn(text, "0123456789/") != 10 || text[2] != '/' ||
        text[5] != '/' || strcspn(text + 6, "/") != 4)
        return false;
    day = (text[0] - '0') * 10 + text[1] - '0';
    month = (text[3] - '0') * 10 + text[4] - '0';
    return day >= 1 && day <= 31 && month >= 1 && month <= 12;
}

/* A number, or the text "Infinity": the till divides by zero, and JSON has no word for it. */
static bool read_total(const json_t *value, double *ret)
{
    const char *text = json_string_value(value);

    *ret = text ? INFINITY : json_number_value(value);
    return text ? strcmp(text, "Infinity") == 0 : json_is_number(value);
}

static bool is_short_text(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) <= MAX_TEXT;
}

/* null, or a name with phone and address, which may be null or empty. */
static bool is_customer(const json_t *customer)
{
    const json_t *phone = json_object_get(customer, "phone");
    const json_t *address = json_object_get(customer, "address");

    if (json_is_null(customer))
        return true;
    return json_object_size(customer) == 3 && member_text(customer, "name", MAX_TEXT) &&
           (json_is_null(phone) || is_short_text(phone)) &&
           (json_is_null(address) || is_short_text(address));
}

static void bind_text(sqlite3_stmt *query, int index, const json_t *object, const char *name)
{
    sqlite3_bind_text(query, index, json_string_value(json_object_get(object, name)), -1,
                      SQLITE_TRANSIENT);
}

static struct made add_sale(const json_t *body)
{
    const json_t *id = json_object_get(body, "id");
    const json_t *quantity = json_object_get(body, "quantity");
    const json_t *customer = json_object_get(body, "customer");
    double total;

    if (json_object_size(body) != 7 || !json_is_integer(id) || json_integer_value(id) < 0 ||
        !is_date(member_text(body, "date", 10)) || !member_text(body, "vendor", MAX_TEXT) ||
        !is_customer(customer) || !member_text(body, "product", MAX_TEXT) ||
        !json_is_integer(quantity) || !read_total(json_object_get(body, "total"), &total))
        return (struct made){400, NULL,
                             "id, date (dd/mm/yyyy), vendor, customer, product, quantity, total"};
    sqlite3_stmt *query = service_query(ADD);
    sqlite3_bind_int64(query, 1, json_integer_value(id));
    bind_text(query, 2, body, "date");
    bind_text(query, 3, body, "vendor");
    bind_text(query, 4, customer, "name");
    bind_text(query, 5, customer, "phone");
    bind_text(query, 6, customer, "address");
    bind_text(query, 7, body, "product");
    sqlite3_bind_int64(query, 8, json_integer_value(quantity));
    sqlite3_bind_double(query, 9, total);
    service_done(query);
    return (struct made){
        201, json_pack("{sIsI}", "seq", service_last_id(), "id", json_integer_value(id)), NULL};
}

/* A file of one sale a line, as POST takes them; all of it or nothing. */
static bool load(const char *file)
{
    char line[8 << 10];
    FILE *in = fopen(file, "r");
    unsigned number = 0;
    bool good = in != NULL;

    if (!in)
        perror(file);
    service_begin();
    while (good && fgets(line, sizeof(line), in)) {
        json_t *sale = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        struct made made = sale ? add_sale(sale) : (struct made){0};
        number++;
        good = made.body != NULL;
        json_decref(made.body);
        json_decref(sale);
    }
    if (good)
        service_commit();
    else
        fprintf(stderr, "%s: line %u is no sale\n", file, number);
    if (in)
        (void)fclose(in);
    return good;
}

/* ---- routes ---- */

static void list_sales(struct call *call)
{
    struct query_field fields[] = {
        {.name = "after", .max = INT64_MAX},
        {.name = "limit", .min = 1, .max = LIST_MAX, .value = LIST_USUAL},
        {.name = "id", .max = INT64_MAX}};
    sqlite3_stmt *query;

    if (!call_query(call, fields, 3))
        return;
    if (fields[2].present && (fields[0].present || fields[1].present)) {
        call_error(call, 400, "id stands alone");
        return;
    }
    query = service_query(fields[2].present ? BY_ID : LIST);
    sqlite3_bind_int64(query, 1, fields[2].present ? fields[2].value : fields[0].value);
    if (!fields[2].present)
        sqlite3_bind_int64(query, 2, fields[1].value);
    send_rows(call, query);
}

static void last_sale(struct call *call)
{
    sqlite3_stmt *query = service_query(LAST);

    if (!call_query(call, NULL, 0))
        return;
    if (!service_row(query)) {
        call_error(call, 404, "there is no sale");
        return;
    }
    add_row(call_lines(call), query);
    sqlite3_reset(query);
    call_send_lines(call);
}

static void handle(struct call *call, const char *path)
{
    enum evhttp_cmd_type method = call_method(call);

    if (strcmp(path, "/api/sales/last") == 0) {
        if (method == EVHTTP_REQ_GET)
            last_sale(call);
        else
            call_only(call, "GET");
    } else if (strcmp(path, "/api/sales") != 0) {
        call_error(call, 404, "there is no such path");
    } else if (method == EVHTTP_REQ_GET) {
        list_sales(call);
    } else if (method == EVHTTP_REQ_POST) {
        if (call_query(call, NULL, 0))
            call_post(call, add_sale);
    } else {
        call_only(call, "GET, POST");
    }
}

int main(int argc, char **argv)
{
    static const struct service STORE = {.name = "free-ride-store",
                                         .schema = SCHEMA,
                                         .queries = QUERIES,
                                         .n_queries = sizeof(QUERIES) / sizeof(QUERIES[0]),
                                         .handle = handle,
                                         .load = load};
    return service_run(&STORE, argc, argv);
}
