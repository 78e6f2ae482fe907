/* The paper's integration process: every customer of a sale of 150 or more is driven home for free.
 *
 *   At every tick: read the sales since the last one from the store; for each that qualifies, book
 *   a trip at the transport service and tell the customer by the messaging service.
 *
 * Each trip and each message is written once, under a key made of the sale's id, so whatever
 * crashes or repeats between changes nothing. A sale that cannot be understood is reported to the
 * owner and left out; all others go through. Inside the compartment there is nothing but idevs.h,
 * jansson and the C library. */
#include <idevs.h>

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FREE_RIDE_FROM 150.0
#define BATCH          100
#define PHONE_DIGITS   15

struct progress {
    long long cursor;  /* `seq` of the last sale that was dealt with */
    long long highest; /* id seen */
};

struct sale {
    long long seq; /* place in the store's order; -1: unreadable */
    long long id;
    double total;
    const char *name; /* the texts are in `row`; NULL: missing */
    const char *address;
    char phone[1 + PHONE_DIGITS + 1]; /* "": missing or malformed */
    json_t *row;                      /* NULL: the line is not JSON */
};

/* Rows of the store, a line each. */
struct sales {
    char *lines;
    char *rest;
    size_t n; /* taken so far */
    struct sale sale;
};

enum outcome {
    LEAVE = 0, /* try the whole batch again at the next tick */
    DONE,
    REFUSED, /* this sale alone, for good */
};

static bool load_progress(struct idevs *ip, struct progress *ret);
static bool save_progress(struct idevs *ip, const struct progress *progress);
static void move_past(const struct sale *sale, struct progress *progress);
static bool read_sales(struct idevs *ip, struct sales *ret, const char *query, ...)
    __attribute__((format(printf, 3, 4)));
static const struct sale *next_sale(struct sales *sales);
static void free_sales(struct sales *sales);
static bool find_fault(struct idevs *ip, const struct sale *sale, long long highest,
                       const char **ret_fault);
static enum outcome write_once(struct idevs *ip, const struct sale *sale, const char *service,
                               const char *path, const char *what, json_t *body,
                               struct idevs_reply *ret_reply);
static long long get_trip(const struct idevs_reply *reply);

/* ---- the process ---- */

static enum outcome book_trip(struct idevs *ip, const struct sale *sale, long long *ret_trip)
{
    struct idevs_reply reply;
    json_t *body = json_pack("{sIssssss}", "sale", (json_int_t)sale->id, "customer", sale->name,
                             "phone", sale->phone, "address", sale->address);
    enum outcome outcome = write_once(ip, sale, "transport", "/api/trips", "trip", body, &reply);

    if (outcome == DONE)
        *ret_trip = get_trip(&reply);
    return outcome;
}

static enum outcome tell_customer(struct idevs *ip, const struct sale *sale, long long trip)
{
    struct idevs_reply reply;
    json_t *text = json_sprintf("Dear %s, your free ride home is booked: trip %lld for sale %lld.",
                                sale->name, trip, sale->id);
    json_t *body = json_pack("{ssso}", "to", sale->phone, "text", text);

    return write_once(ip, sale, "messaging", "/send-message", "message", body, &reply);
}

/* One sale; false leaves the batch. */
static bool deal_with(struct idevs *ip, const struct sale *sale, long long highest)
{
    const char *fault;
    long long trip;

    if (!find_fault(ip, sale, highest, &fault))
        return false;
    if (fault)
        idevs_log(ip, IDEVS_WARNING, "sale %lld (seq %lld) is left out: %s", sale->id, sale->seq,
                  fault);
    if (fault || sale->total < FREE_RIDE_FROM)
        return true;
    enum outcome outcome = book_trip(ip, sale, &trip);
    if (outcome == DONE)
        outcome = tell_customer(ip, sale, trip);
    return outcome != LEAVE;
}

/* The next BATCH sales; true when there may be more behind them. */
static bool deal_with_batch(struct idevs *ip, struct progress *progress)
{
    struct sales sales;
    struct progress next = *progress;
    bool done = read_sales(ip, &sales, "after=%lld&limit=%d", progress->cursor, BATCH);

    for (const struct sale *sale; done && (sale = next_sale(&sales)); move_past(sale, &next))
        done = deal_with(ip, sale, next.highest);
    bool full = sales.n == BATCH && next.cursor > progress->cursor;
    free_sales(&sales);
    *progress = next;
    return done && sales.n > 0 && save_progress(ip, progress) && full;
}

int main(void)
{
    struct idevs *ip = idevs_open(NULL);
    struct progress progress;

    if (!ip)
        return 1;
    while (idevs_wait(ip))
        for (bool more = load_progress(ip, &progress); more;)
            more = deal_with_batch(ip, &progress);
    idevs_close(ip);
    return 0;
}

/* ---- what it remembers: at the store's gateway, so that it outlives every run ---- */

static bool report(struct idevs *ip, const char *what)
{
    const struct idevs_error *err = idevs_last_error(ip);
    char found[sizeof(err->found)];
    char code[sizeof(err->code)];

    snprintf(code, sizeof(code), "%s", err->code); /* the next call may have an error of its own */
    snprintf(found, sizeof(found), "%s", err->found);
    idevs_log(ip, IDEVS_ERROR, "%s: %s: %s; next try at the next tick", what, code, found);
    return false;
}

static bool load_progress(struct idevs *ip, struct progress *ret)
{
    struct idevs_reply reply;

    *ret = (struct progress){.cursor = 0, .highest = -1};
    if (idevs_load(ip, "store", "cursor", &reply))
        return report(ip, "load");
    if (reply.status == 404)
        return true;
    json_t *saved = json_loadb((const char *)reply.body, reply.body_len, 0, NULL);
    ret->cursor = json_integer_value(json_object_get(saved, "cursor"));
    ret->highest = json_integer_value(json_object_get(saved, "highest"));
    json_decref(saved);
    return true;
}

static bool save_progress(struct idevs *ip, const struct progress *progress)
{
    char text[96];
    int n = snprintf(text, sizeof(text), "{\"cursor\":%lld,\"highest\":%lld}", progress->cursor,
                     progress->highest);

    return idevs_save(ip, "store", "cursor", text, (size_t)n) == 0 || report(ip, "save");
}

static void move_past(const struct sale *sale, struct progress *progress)
{
    progress->cursor = sale->seq > progress->cursor ? sale->seq : progress->cursor;
    progress->highest = sale->id > progress->highest ? sale->id : progress->highest;
}

/* ---- what it writes ---- */

/* Refusals that speak of this one request and would be the same at the next tick. An unknown
 * outcome is not one: both services honour the key, so the next try learns what became of it. */
static bool is_for_good(const char *code)
{
    static const char *const CODES[] = {"call.argument", "http.body-too-large",
                                        "idempotency.mismatch"};

    for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
        if (strcmp(code, CODES[i]) == 0)
            return true;
    return false;
}

static enum outcome judge(struct idevs *ip, const struct sale *sale, const char *service,
                          const struct idevs_reply *reply)
{
    if (reply->status >= 200 && reply->status < 300)
        return DONE;
    bool refused = reply->status >= 400 && reply->status < 500 && reply->status != 429;
    idevs_log(ip, refused ? IDEVS_WARNING : IDEVS_ERROR, "sale %lld: %s answers status %d; %s",
              sale->id, service, reply->status,
              refused ? "it is left out" : "next try at the next tick");
    return refused ? REFUSED : LEAVE;
}

/* Takes `body` over. */
static enum outcome write_once(struct idevs *ip, const struct sale *sale, const char *service,
                               const char *path, const char *what, json_t *body,
                               struct idevs_reply *ret_reply)
{
    char key[64];
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

    json_decref(body);
    if (!text)
        return REFUSED;
    snprintf(key, sizeof(key), "sale-%lld-%s", sale->id, what);
    int failed =
        idevs_write_once(ip, service, path, key, "application/json", text, strlen(text), ret_reply);
    free(text);
    if (!failed)
        return judge(ip, sale, service, ret_reply);
    if (!is_for_good(idevs_last_error(ip)->code)) {
        report(ip, service);
        return LEAVE;
    }
    idevs_log(ip, IDEVS_ERROR, "sale %lld: %s: %s; it is left out", sale->id, service,
              idevs_last_error(ip)->code);
    return REFUSED;
}

/* The transport service answers with the trip, its "id" among the rest. */
static long long get_trip(const struct idevs_reply *reply)
{
    json_t *trip = json_loadb((const char *)reply->body, reply->body_len, 0, NULL);
    long long id = json_integer_value(json_object_get(trip, "id"));

    json_decref(trip);
    return id;
}

/* ---- line-delimited JSON from a service that may spoil single lines ---- */

/* The next line that is not empty, cut off at its end; NULL after the last. */
static char *next_line(char **rest)
{
    char *line;

    do
        line = strsep(rest, "\n");
    while (line && line[strspn(line, " \t\r")] == 0);
    return line;
}

/* An integer member of the row, or of a line that is no JSON (`Infinity` is not) the first number
 * after that name; -1 when there is none. A name inside a JSON text has its quotes escaped, so it
 * is not mistaken for one. */
static long long get_integer(const json_t *row, const char *line, const char *name)
{
    char quoted[16];
    json_t *value = json_object_get(row, name);

    if (row)
        return json_is_integer(value) ? (long long)json_integer_value(value) : -1;
    snprintf(quoted, sizeof(quoted), "\"%s\"", name);
    const char *at = strstr(line, quoted);
    if (!at)
        return -1;
    at += strlen(quoted);
    at += strspn(at, " \t:");
    errno = 0;
    long long number = isdigit((unsigned char)*at) ? strtoll(at, NULL, 10) : -1;
    return errno ? -1 : number;
}

static const char *get_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text && *text ? text : NULL;
}

/* '+' and 8 to 15 digits, once spaces, dots and dashes are taken out; otherwise "". */
static void get_phone(const char *text, char ret[1 + PHONE_DIGITS + 1])
{
    size_t n = 0;

    ret[0] = 0;
    for (; text && *text; text++) {
        if (strchr(" .-", *text))
            continue;
        bool fits = n == 0 ? *text == '+' : n <= PHONE_DIGITS && isdigit((unsigned char)*text);
        if (!fits) {
            n = 0;
            break;
        }
        ret[n++] = *text;
    }
    ret[n > 8 ? n : 0] = 0;
}

static void parse_sale(const char *line, struct sale *ret)
{
    json_t *row = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const json_t *total = json_object_get(row, "total");
    const json_t *customer = json_object_get(row, "customer");

    *ret = (struct sale){
        .seq = get_integer(row, line, "seq"),
        .id = get_integer(row, line, "id"),
        .total = json_is_number(total) ? json_number_value(total) : NAN,
        .name = get_text(customer, "name"),
        .address = get_text(customer, "address"),
        .row = row,
    };
    get_phone(get_text(customer, "phone"), ret->phone);
}

/* ---- what it reads ---- */

/* The rows that `query` asks for; false: they cannot be had. Free them in both cases. */
static bool read_sales(struct idevs *ip, struct sales *ret, const char *query, ...)
{
    char path[128] = "/api/sales?";
    size_t n = strlen(path);
    struct idevs_reply reply;
    va_list args;

    *ret = (struct sales){.lines = NULL};
    va_start(args, query);
    vsnprintf(path + n, sizeof(path) - n, query, args);
    va_end(args);
    if (idevs_read(ip, "store", path, &reply))
        return report(ip, "read");
    if (reply.status != 200) {
        idevs_log(ip, IDEVS_ERROR, "the store answers status %d; next try at the next tick",
                  reply.status);
        return false;
    }
    ret->lines = strndup((const char *)reply.body, reply.body_len);
    ret->rest = ret->lines;
    return ret->lines != NULL;
}

/* Valid until the next call; NULL after the last. */
static const struct sale *next_sale(struct sales *sales)
{
    const char *line = next_line(&sales->rest);

    json_decref(sales->sale.row);
    sales->sale.row = NULL;
    if (!line)
        return NULL;
    parse_sale(line, &sales->sale);
    sales->n++;
    return &sales->sale;
}

static void free_sales(struct sales *sales)
{
    json_decref(sales->sale.row);
    free(sales->lines);
}

/* Of all rows with the id of this one, in the store's order: is this one the first? */
static bool is_first_of_its_id(struct idevs *ip, const struct sale *sale, bool *ret_first)
{
    struct sales same;
    bool ok = read_sales(ip, &same, "id=%lld", sale->id);
    const struct sale *first = ok ? next_sale(&same) : NULL;

    *ret_first = !first || first->seq < 0 || first->seq >= sale->seq;
    free_sales(&same);
    return ok;
}

/* What is wrong with the row itself. What does not qualify needs no customer. */
static const char *fault_of_row(const struct sale *sale)
{
    if (!sale->row)
        return "its line is no JSON";
    if (sale->seq < 0 || sale->id < 0)
        return "it has no seq or id";
    if (!isfinite(sale->total))
        return "it has no finite total";
    if (sale->total < 0)
        return "its total is negative";
    if (sale->total < FREE_RIDE_FROM)
        return NULL;
    if (!sale->name)
        return "it has no customer";
    if (!sale->address)
        return "its customer has no address";
    return sale->phone[0] ? NULL : "its customer has no valid phone number";
}

/* Why the sale is left out and reported, or NULL; false when the store cannot be asked. Only an id
 * that is not above all before it, `highest`, can have been there already. */
static bool find_fault(struct idevs *ip, const struct sale *sale, long long highest,
                       const char **ret_fault)
{
    bool first = true;

    *ret_fault = fault_of_row(sale);
    if (sale->id >= 0 && sale->id <= highest && !is_first_of_its_id(ip, sale, &first))
        return false;
    if (!first)
        *ret_fault = "an earlier sale has the same id";
    return true;
}
