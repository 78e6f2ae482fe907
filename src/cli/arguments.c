#include "cli/arguments.h"

#include <string.h>

/* The specification of the option that `word` names, or NULL. */
static const char *find(const char *const *known, const char *word, size_t len)
{
    for (size_t i = 0; known && known[i]; i++) {
        size_t n = strcspn(known[i], "=");
        if (n == len && strncmp(known[i], word, len) == 0)
            return known[i];
    }
    return NULL;
}

static bool takes_several(const char *spec)
{
    size_t n = strlen(spec);

    return n > 3 && strcmp(spec + n - 3, "...") == 0;
}

static bool add_option(struct arguments *a, const char *spec, const char *value,
                       struct idevs_error *ret_err)
{
    if (a->n_options == LIMIT_ARGUMENTS)
        return refuse(ret_err, "usage", "more than %d options", LIMIT_ARGUMENTS);
    a->options[a->n_options].name = spec;
    a->options[a->n_options].value = value;
    a->n_options++;
    return true;
}

static bool take_option(char **argv, int argc, int *i, const char *spec, size_t name_len,
                        struct arguments *ret, struct idevs_error *ret_err)
{
    bool wants_value = strchr(spec, '=') != NULL;
    const char *word = argv[*i];
    const char *value = word[name_len] == '=' ? word + name_len + 1 : NULL;

    if (!wants_value && value)
        return refuse_expecting(ret_err, "usage", "no value", "%s", word);
    if (wants_value && !value) {
        if (*i + 1 >= argc)
            return refuse_expecting(ret_err, "usage", spec, "%s without its value", word);
        value = argv[++*i];
    }
    if (!add_option(ret, spec, value, ret_err))
        return false;
    while (takes_several(spec) && *i + 1 < argc && argv[*i + 1][0] != '-')
        if (!add_option(ret, spec, argv[++*i], ret_err))
            return false;
    return true;
}

/* "--roots A B FILE": FILE is the positional argument that is missing. */
static void leave_last_word(const char *last, size_t min_positional, struct arguments *ret)
{
    if (ret->n_positional >= min_positional || ret->n_options < 2)
        return;
    size_t i = ret->n_options - 1;
    if (takes_several(ret->options[i].name) && ret->options[i].value == last &&
        ret->options[i - 1].name == ret->options[i].name) {
        ret->positional[ret->n_positional++] = last;
        ret->n_options--;
    }
}

bool arguments_parse(int argc, char **argv, int first, const char *const *known,
                     const char *const *common, size_t min_positional, struct arguments *ret,
                     struct idevs_error *ret_err)
{
    *ret = (struct arguments){0};
    for (int i = first; i < argc; i++) {
        const char *word = argv[i];
        size_t len = strcspn(word, "=");
        if (ret->n_positional == LIMIT_ARGUMENTS)
            return refuse(ret_err, "usage", "more than %d arguments", LIMIT_ARGUMENTS);
        if (word[0] != '-' || strcmp(word, "-") == 0) {
            ret->positional[ret->n_positional++] = word;
            continue;
        }
        const char *spec = find(known, word, len);
        if (!spec)
            spec = find(common, word, len);
        if (!spec)
            return refuse_expecting(ret_err, "usage", "an option of this command (see --help)",
                                    "%s", word);
        if (!take_option(argv, argc, &i, spec, len, ret, ret_err))
            return false;
    }
    leave_last_word(argv[argc - 1], min_positional, ret);
    return true;
}

static bool names(const char *spec, const char *name)
{
    size_t n = strcspn(spec, "=");

    return strlen(name) == n && strncmp(spec, name, n) == 0;
}

bool argument_given(const struct arguments *a, const char *name)
{
    for (size_t i = 0; i < a->n_options; i++)
        if (names(a->options[i].name, name))
            return true;
    return false;
}

const char *argument_value(const struct arguments *a, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < a->n_options; i++)
        if (names(a->options[i].name, name))
            value = a->options[i].value;
    return value;
}

const char *argument_value_at(const struct arguments *a, const char *name, size_t i)
{
    for (size_t j = 0; j < a->n_options; j++)
        if (names(a->options[j].name, name) && i-- == 0)
            return a->options[j].value;
    return NULL;
}

bool argument_required(const struct arguments *a, const char *name, const char **ret,
                       struct idevs_error *ret_err)
{
    const char *value = argument_value(a, name);

    if (!value)
        return refuse_expecting(ret_err, "usage", name, "a call without %s", name);
    *ret = value;
    return true;
}
