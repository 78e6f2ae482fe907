/* Shared by the api_*.c: one request with what its route says. */
#ifndef IDEVS_LAUNCHER_API_PRIVATE_H
#define IDEVS_LAUNCHER_API_PRIVATE_H

#include "base/limits.h"
#include "document/json.h"
#include "launcher/api.h"
#include "net/server.h"

struct api_call {
    struct launcher *launcher;
    struct server_request *request;
    const struct http_message *message;
    struct owner owner;
    char parameter[LIMIT_API_PARAMETER]; /* the NAME, ID or SHA256 of the path */
    bool waits;                          /* the query has `wait` */
    unsigned wait;                       /* seconds */
    int64_t after;
    char state[16];
};

/* Answers and consumes the reference to `object`. */
void api_answer(struct launcher *l, struct server_request *request, int status, json_t *object);
void api_refuse(struct launcher *l, struct server_request *request, const struct idevs_error *err);
void api_answer_nothing(struct launcher *l, struct server_request *request); /* 204 */
json_t *api_digest(const struct digest *digest);                             /* text, or null */
json_t *api_text(struct bytes text);
json_t *api_error(const struct idevs_error *err); /* object, or null */
/* Keys are static texts; takes the reference to `value`. */
void api_set(json_t *object, const char *key, json_t *value);
/* The body, an object that has `known` fields only. NULL when refused. */
json_t *api_body(struct api_call *call, const char *const *known, struct idevs_error *ret_err);
bool api_parameter_name(const struct api_call *call, size_t max,
                        struct idevs_error *ret_err) _must_check_;

void api_health(struct api_call *call);
void api_list_back_ends(struct api_call *call);
void api_put_blob(struct api_call *call);
void api_get_blob(struct api_call *call);
void api_add_program(struct api_call *call);
void api_list_programs(struct api_call *call);
void api_get_program(struct api_call *call);
void api_delete_program(struct api_call *call);
void api_add_build(struct api_call *call);
void api_get_build(struct api_call *call);
void api_add_run(struct api_call *call);
void api_list_runs(struct api_call *call);
void api_get_run(struct api_call *call);
void api_stop_run(struct api_call *call);
void api_get_logs(struct api_call *call);
void api_get_certificate(struct api_call *call);
void api_list_services(struct api_call *call);
void api_put_service(struct api_call *call);
void api_delete_service(struct api_call *call);

#endif
