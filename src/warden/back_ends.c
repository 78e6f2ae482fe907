#include "warden/back_ends.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

const struct compartment_back_end *back_ends_compiler(void)
{
    size_t n;
    const struct compartment_back_end *const *all = compartment_back_ends(&n);

    for (size_t i = 0; i < n; i++)
        if (all[i]->compiles)
            return all[i];
    return NULL;
}

bool back_ends_open_one(const struct compartment_back_end *back_end, struct idevs_error *ret_err)
{
    struct compartment_gaps gaps = {.n = 0};
    char text[256];

    back_end->probe(&gaps);
    for (size_t i = 0; i < gaps.n; i++)
        log_refusal(IDEVS_WARNING, back_end->name, &gaps.at[i]);
    if (gaps.n > 0) {
        *ret_err = gaps.at[0];
        return false;
    }
    if (!back_end->open(ret_err)) {
        log_refusal(IDEVS_WARNING, back_end->name, ret_err);
        return false;
    }
    back_end->describe(text, sizeof(text));
    log_info("back end %s: %s", back_end->name, text);
    return true;
}

/* It compiles whether or not programs may run in it. */
static bool open_compiler(struct warden *w, struct idevs_error *ret_err)
{
    const struct compartment_back_end *compiler = back_ends_compiler();

    for (size_t i = 0; i < w->config.n_back_ends; i++)
        if (w->config.back_ends[i] == compiler && w->usable[i])
            return true;
    w->compiler_is_open = w->config.toolchain && back_ends_open_one(compiler, ret_err);
    return w->compiler_is_open || !w->config.toolchain;
}

bool back_ends_open(struct warden *w, struct idevs_error *ret_err)
{
    struct idevs_error first = {.code = ""};
    bool any = false;

    for (size_t i = 0; i < w->config.n_back_ends; i++) {
        struct idevs_error err;
        w->usable[i] = back_ends_open_one(w->config.back_ends[i], &err);
        if (!w->usable[i] && !*first.code)
            first = err;
        any = any || w->usable[i];
    }
    if (!any)
        *ret_err = first;
    return any && open_compiler(w, ret_err);
}

void back_ends_close_one(const struct compartment_back_end *back_end)
{
    if (back_end->close)
        back_end->close();
}

void back_ends_close(struct warden *w)
{
    for (size_t i = 0; i < w->config.n_back_ends; i++)
        if (w->usable[i])
            back_ends_close_one(w->config.back_ends[i]);
    if (w->compiler_is_open)
        back_ends_close_one(back_ends_compiler());
}

static void add_usable(const struct warden *w, bool isolates, const char **ret, size_t *n)
{
    for (size_t i = 0; i < w->config.n_back_ends; i++)
        if (w->usable[i] && w->config.back_ends[i]->isolates == isolates)
            ret[(*n)++] = w->config.back_ends[i]->name;
}

void back_ends_usable(const struct warden *w, const char *ret[LIMIT_BACK_ENDS], size_t *ret_n)
{
    *ret_n = 0;
    add_usable(w, true, ret, ret_n);
    add_usable(w, false, ret, ret_n);
}

static const struct compartment_back_end *refuse_unlisted(const struct warden *w, const char *name,
                                                          struct idevs_error *ret_err)
{
    char list[160] = "";
    size_t used = 0;

    for (size_t i = 0; i < w->config.n_back_ends && used < sizeof(list); i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
                                 w->config.back_ends[i]->name);
    refuse_expecting(ret_err, "compartment.not-permitted", list, "%s", name);
    return NULL;
}

/* Asked again: perhaps it has been mended, and only the warden must be started again. */
static const struct compartment_back_end *refuse_unusable(const struct compartment_back_end *b,
                                                          struct idevs_error *ret_err)
{
    struct compartment_gaps gaps = {.n = 0};

    b->probe(&gaps);
    if (gaps.n > 0)
        refuse_expecting(ret_err, "compartment.missing", gaps.at[0].expected, "%s: %s", b->name,
                         gaps.at[0].found);
    else
        refuse_expecting(ret_err, "compartment.missing", "a warden started after it was there",
                         "%s, which was not usable when the warden began", b->name);
    return NULL;
}

const struct compartment_back_end *back_ends_find(const struct warden *w, const char *name,
                                                  const char *wanted, struct idevs_error *ret_err)
{
    if (*wanted && strcmp(wanted, name) != 0) {
        refuse_expecting(ret_err, "compartment.not-permitted", wanted, "%s", name);
        return NULL;
    }
    for (size_t i = 0; i < w->config.n_back_ends; i++) {
        const struct compartment_back_end *b = w->config.back_ends[i];
        if (strcmp(b->name, name) != 0)
            continue;
        /* To go without isolation is the owner's decision, not the launcher's. */
        if (!b->isolates && !*wanted) {
            refuse_expecting(ret_err, "compartment.not-permitted", "a manifest that names it", "%s",
                             name);
            return NULL;
        }
        return w->usable[i] ? b : refuse_unusable(b, ret_err);
    }
    return refuse_unlisted(w, name, ret_err);
}

const char *const *back_ends_flags(const struct warden *w, const char *wanted,
                                   struct idevs_error *ret_err)
{
    if (!*wanted)
        return w->config.back_ends[0]->build_flags;
    for (size_t i = 0; i < w->config.n_back_ends; i++)
        if (strcmp(w->config.back_ends[i]->name, wanted) == 0)
            return w->config.back_ends[i]->build_flags;
    refuse_unlisted(w, wanted, ret_err);
    return NULL;
}
