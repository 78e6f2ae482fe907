/* Health, back ends and services of the API. */
#include "base/text.h"
#include "launcher/api_private.h"
#include "launcher/runs.h"

static json_t *toolchain(const struct warden_answer *status)
{
    struct digest digest = {.set = status && status->has_toolchain};

    if (digest.set)
        memcpy(digest.sha256, status->toolchain, sizeof(digest.sha256));
    return api_digest(&digest);
}

void api_health(struct api_call *call)
{
    const struct warden_answer *status = warden_status(call->launcher->warden);
    json_t *object = json_object();
    json_t *back_ends = json_array();

    for (size_t i = 0; status && i < status->n_back_ends; i++)
        json_array_append_new(back_ends, json_string(status->back_ends[i]));
    api_set(object, "status", json_string("ok"));
    api_set(object, "version", json_string(IDEVS_VERSION));
    api_set(object, "warden", json_string(status ? "ok" : "unreachable"));
    api_set(object, "toolchain", toolchain(status));
    api_set(object, "back_ends", back_ends);
    api_answer(call->launcher, call->request, 200, object);
}

static json_t *back_end_json(const struct warden_back_end *b)
{
    json_t *object = json_object();
    json_t *missing = json_array();

    for (size_t i = 0; i < b->n_missing; i++)
        json_array_append_new(missing, api_error(&b->missing[i]));
    api_set(object, "name", json_string(b->name));
    api_set(object, "usable", json_boolean(b->n_missing == 0));
    api_set(object, "permitted", json_boolean(b->permitted));
    api_set(object, "isolates", json_boolean(b->isolates));
    api_set(object, "protects_from", json_string(b->protects_from));
    api_set(object, "exposed_to", json_string(b->exposed_to));
    api_set(object, "missing", missing);
    return object;
}

void api_list_back_ends(struct api_call *call)
{
    const struct warden_answer *status = warden_status(call->launcher->warden);
    json_t *array = json_array();
    json_t *object = json_object();
    struct warden_back_end back_end;
    struct idevs_error err;
    size_t n = 0;

    api_set(object, "back_ends", array);
    if (!status) {
        json_decref(object);
        refuse(&err, "warden.unreachable", "no connection to it");
        api_refuse(call->launcher, call->request, &err);
        return;
    }
    struct reader r = reader_of(status->listing);
    if (status->listing.len > 0 && warden_listing_begin(&r, &n))
        while (n-- > 0 && warden_listing_next(&r, &back_end))
            json_array_append_new(array, back_end_json(&back_end));
    api_answer(call->launcher, call->request, 200, object);
}

static json_t *service_json(const char *name, const char *url)
{
    json_t *object = json_object();

    api_set(object, "name", json_string(name));
    api_set(object, "url", json_string(url));
    return object;
}

static bool list_service(const char *name, const char *url, void *context)
{
    json_array_append_new(context, service_json(name, url));
    return true;
}

void api_list_services(struct api_call *call)
{
    json_t *object = json_object();
    json_t *array = json_array();
    struct idevs_error err;

    api_set(object, "services", array);
    if (state_each_service(&call->launcher->state, &call->owner, list_service, array, &err)) {
        api_answer(call->launcher, call->request, 200, object);
        return;
    }
    json_decref(object);
    api_refuse(call->launcher, call->request, &err);
}

static bool take_url(struct api_call *call, const json_t *body, const char **ret,
                     struct idevs_error *ret_err)
{
    return api_parameter_name(call, LIMIT_SERVICE_NAME, ret_err) &&
           json_text(body, "url", LIMIT_URL, ret, ret_err) &&
           (service_url_is_valid(*ret) ||
            refuse_expecting(ret_err, "api.field", "https://host:port", "%s", *ret));
}

void api_put_service(struct api_call *call)
{
    static const char *const known[] = {"url", NULL};
    struct launcher *l = call->launcher;
    struct idevs_error err;
    _cleanup_json_ json_t *body = api_body(call, known, &err);
    const char *url;
    bool added;

    if (!body || !take_url(call, body, &url, &err) ||
        !state_put_service(&l->state, &call->owner, call->parameter, url, &added, &err)) {
        api_refuse(l, call->request, &err);
        return;
    }
    runs_services_changed(l, &call->owner);
    api_answer(l, call->request, added ? 201 : 200, service_json(call->parameter, url));
}

void api_delete_service(struct api_call *call)
{
    struct launcher *l = call->launcher;
    struct idevs_error err;

    if (api_parameter_name(call, LIMIT_SERVICE_NAME, &err) &&
        state_delete_service(&l->state, &call->owner, call->parameter, &err)) {
        runs_services_changed(l, &call->owner);
        api_answer_nothing(l, call->request);
    } else
        api_refuse(l, call->request, &err);
}
