/* Blobs, programs and builds of the API. */
#include "base/clock.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "launcher/api_private.h"
#include "launcher/builds.h"
#include "launcher/record.h"
#include "launcher/runs.h"
#include "launcher/waiters.h"
#include "store/store.h"
#include "wire/http.h"
#include "wire/manifest.h"

static const char *const PROGRAM_STATES[] = {
    [PROGRAM_NEW] = "new",
    [PROGRAM_BUILDING] = "building",
    [PROGRAM_BUILT] = "built",
    [PROGRAM_FAILED] = "failed",
};
static const char *const BUILD_STATES[] = {
    [BUILD_RUNNING] = "running",
    [BUILD_DONE] = "done",
    [BUILD_FAILED] = "failed",
};

/* ---- blobs ---- */

static bool blob_digest(struct api_call *call, uint8_t ret[32], struct idevs_error *ret_err)
{
    return hex_exactly(bytes_of_text(call->parameter), ret, 32) ||
           refuse_expecting(ret_err, "api.field", "a SHA-256 in lower-case hex", "%s",
                            call->parameter);
}

void api_put_blob(struct api_call *call)
{
    uint8_t named[32];
    uint8_t found[32];
    bool added;
    char text[65];
    struct idevs_error err;

    sha256(call->message->content, found);
    hex_text(found, sizeof(found), text);
    if (!blob_digest(call, named, &err) ||
        (memcmp(named, found, sizeof(found)) != 0 &&
         !refuse_expecting(&err, "api.field", "bytes with the digest of the path", "SHA-256 %s",
                           text)) ||
        !state_put_blob(&call->launcher->state, &call->owner, named, call->message->content, &added,
                        &err)) {
        api_refuse(call->launcher, call->request, &err);
        return;
    }
    json_t *object = json_object();
    api_set(object, "sha256", json_string(text));
    api_answer(call->launcher, call->request, added ? 201 : 200, object);
}

void api_get_blob(struct api_call *call)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    uint8_t named[32];
    struct idevs_error err;

    if (!blob_digest(call, named, &err) ||
        !state_has_blob(&call->launcher->state, &call->owner, named, &err) ||
        !blob_get(call->launcher->state.blobs, named, &b, &err)) {
        api_refuse(call->launcher, call->request, &err);
        return;
    }
    struct http_message m = {.status = 200, .content = buffer_bytes(&b)};
    record_http(call->launcher->record, "owner", "to", &m);
    server_answer_bytes(call->request, 200, "application/octet-stream", buffer_bytes(&b));
}

/* ---- programs ---- */

static json_t *program_json(struct launcher *l, const struct program *p)
{
    const struct run *run = runs_of_program(l, &p->owner, p->name);
    struct digest manifest = {.set = true};
    json_t *object = json_object();

    memcpy(manifest.sha256, p->manifest, sizeof(manifest.sha256));
    api_set(object, "name", json_string(p->name));
    api_set(object, "source", api_digest(&p->source));
    api_set(object, "executable", api_digest(&p->executable));
    api_set(object, "manifest", api_digest(&manifest));
    api_set(object, "toolchain", api_digest(&p->toolchain));
    api_set(object, "state", json_string(PROGRAM_STATES[p->state]));
    api_set(object, "created", json_integer(p->created));
    api_set(object, "run", run ? json_integer(run->row.number) : json_null());
    return object;
}

/* The owner's own blob of at most `max` bytes. */
static bool read_blob(struct api_call *call, const uint8_t sha256[32], struct buffer *b,
                      struct idevs_error *ret_err)
{
    return state_has_blob(&call->launcher->state, &call->owner, sha256, ret_err) &&
           blob_get(call->launcher->state.blobs, sha256, b, ret_err);
}

static bool check_manifest(struct api_call *call, const struct program *p,
                           struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct manifest m;
    uint8_t owner[32];

    if (!read_blob(call, p->manifest, &b, ret_err))
        return false;
    if (b.len > LIMIT_MANIFEST)
        return refuse(ret_err, "manifest.syntax", "a manifest of %zu bytes", b.len);
    if (!manifest_decode(buffer_bytes(&b), &m, ret_err))
        return false;
    if (strcmp(m.program, p->name) != 0)
        return refuse_expecting(ret_err, "manifest.value", p->name, "program: %s", m.program);
    sha256(bytes_of(m.owner_spki, sizeof(m.owner_spki)), owner);
    if (memcmp(owner, call->owner.spki_sha256, sizeof(owner)) != 0)
        return refuse_expecting(ret_err, "owner.key", "a manifest that names your key as owner",
                                "another owner's key");
    return true;
}

static bool check_source(struct api_call *call, const struct program *p,
                         struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);

    if (!read_blob(call, p->source.sha256, &b, ret_err))
        return false;
    if (b.len == 0 || b.len > LIMIT_SOURCE)
        return refuse(ret_err, "build.source", "%zu bytes", b.len);
    return true;
}

static bool program_fields(const json_t *body, struct program *ret, struct idevs_error *ret_err)
{
    const char *name;

    ret->source.set = json_object_get(body, "source") != NULL;
    ret->executable.set = json_object_get(body, "executable") != NULL;
    ret->state = ret->executable.set ? PROGRAM_BUILT : PROGRAM_NEW;
    ret->created = clock_unix();
    if (!json_text(body, "name", LIMIT_API_PARAMETER, &name, ret_err))
        return false;
    if (!name_is_valid(name, LIMIT_PROGRAM_NAME))
        return refuse(ret_err, "name.invalid", "%s", name);
    memcpy(ret->name, name, strlen(name) + 1);
    if (ret->source.set == ret->executable.set)
        return refuse_expecting(ret_err, "api.field", "either source or executable",
                                ret->source.set ? "both" : "neither");
    return json_sha256(body, "manifest", ret->manifest, ret_err) &&
           (!ret->source.set || json_sha256(body, "source", ret->source.sha256, ret_err)) &&
           (!ret->executable.set ||
            json_sha256(body, "executable", ret->executable.sha256, ret_err));
}

static bool take_program(struct api_call *call, struct program *ret, struct idevs_error *ret_err)
{
    static const char *const known[] = {"name", "manifest", "source", "executable", NULL};
    _cleanup_json_ json_t *body = api_body(call, known, ret_err);

    *ret = (struct program){.owner = call->owner};
    return body && program_fields(body, ret, ret_err) && check_manifest(call, ret, ret_err) &&
           (!ret->source.set || check_source(call, ret, ret_err)) &&
           (!ret->executable.set ||
            state_has_blob(&call->launcher->state, &call->owner, ret->executable.sha256, ret_err));
}

void api_add_program(struct api_call *call)
{
    struct launcher *l = call->launcher;
    struct program program;
    struct program now;
    bool added;
    struct idevs_error err;

    if (take_program(call, &program, &err) &&
        state_add_program(&l->state, &program, &added, &err) &&
        state_get_program(&l->state, &call->owner, program.name, &now, &err))
        api_answer(l, call->request, added ? 201 : 200, program_json(l, &now));
    else
        api_refuse(l, call->request, &err);
}

struct listing {
    struct launcher *launcher;
    json_t *array;
};

static bool list_program(const struct program *program, void *context)
{
    struct listing *listing = context;

    json_array_append_new(listing->array, program_json(listing->launcher, program));
    return true;
}

void api_list_programs(struct api_call *call)
{
    struct launcher *l = call->launcher;
    struct listing listing = {l, json_array()};
    json_t *object = json_object();
    struct idevs_error err;

    api_set(object, "programs", listing.array);
    if (state_each_program(&l->state, &call->owner, list_program, &listing, &err)) {
        api_answer(l, call->request, 200, object);
        return;
    }
    json_decref(object);
    api_refuse(l, call->request, &err);
}

static bool named_program(struct api_call *call, struct program *ret, struct idevs_error *ret_err)
{
    return api_parameter_name(call, LIMIT_PROGRAM_NAME, ret_err) &&
           state_get_program(&call->launcher->state, &call->owner, call->parameter, ret, ret_err);
}

void api_get_program(struct api_call *call)
{
    struct program program;
    struct idevs_error err;

    if (named_program(call, &program, &err))
        api_answer(call->launcher, call->request, 200, program_json(call->launcher, &program));
    else
        api_refuse(call->launcher, call->request, &err);
}

void api_delete_program(struct api_call *call)
{
    struct idevs_error err;

    if (api_parameter_name(call, LIMIT_PROGRAM_NAME, &err) &&
        state_delete_program(&call->launcher->state, &call->owner, call->parameter, &err))
        api_answer_nothing(call->launcher, call->request);
    else
        api_refuse(call->launcher, call->request, &err);
}

/* ---- builds ---- */

static json_t *build_json(const struct build *b)
{
    json_t *object = json_object();

    api_set(object, "id", json_integer(b->number));
    api_set(object, "program", json_string(b->program));
    api_set(object, "state", json_string(BUILD_STATES[b->state]));
    api_set(object, "executable", api_digest(&b->executable));
    api_set(object, "toolchain", api_digest(&b->toolchain));
    api_set(object, "cached", json_boolean(b->cached));
    api_set(object, "milliseconds", json_integer(b->milliseconds));
    api_set(object, "messages", api_text(buffer_bytes(&b->messages)));
    api_set(object, "error", api_error(&b->error));
    return object;
}

void api_add_build(struct api_call *call)
{
    struct build build _cleanup_build_ = {0};
    struct program program;
    struct idevs_error err;

    if (named_program(call, &program, &err) && builds_start(call->launcher, &program, &build, &err))
        api_answer(call->launcher, call->request, 202, build_json(&build));
    else
        api_refuse(call->launcher, call->request, &err);
}

static void answer_build(struct launcher *l, struct server_request *request,
                         const struct wait *wait)
{
    struct build build _cleanup_build_ = {0};
    struct idevs_error err;

    if (state_get_build(&l->state, &wait->owner, wait->id, &build, &err))
        api_answer(l, request, 200, build_json(&build));
    else
        api_refuse(l, request, &err);
}

void api_get_build(struct api_call *call)
{
    struct build build _cleanup_build_ = {0};
    struct wait wait = {.what = WAITS_FOR_BUILD, .owner = call->owner};
    struct idevs_error err;

    if (!state_get_build(&call->launcher->state, &call->owner, call->parameter, &build, &err)) {
        api_refuse(call->launcher, call->request, &err);
        return;
    }
    memcpy(wait.id, build.id, sizeof(wait.id));
    if (call->waits && build.state == BUILD_RUNNING && !call->launcher->stopping)
        waiters_add(call->launcher, call->request, &wait, call->wait, answer_build);
    else
        answer_build(call->launcher, call->request, &wait);
}
