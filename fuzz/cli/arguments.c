#include "cli/arguments.h"

#include "words.h"

/* Whatever is taken, was there and is known. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const KNOWN[] = {"--wait", "--manifest=FILE", NULL};
    static const char *const COMMON[] = {"--json", "--home=DIR", "-h", NULL};
    struct words words;
    struct arguments a = {0};
    struct idevs_error err = {0};
    const char *value = NULL;

    words_from(bytes_of(data, size), &words);
    if (!arguments_parse(words.n, words.at, 1, KNOWN, COMMON, 1, &a, &err)) {
        must_be_refusal(&err);
        return 0;
    }
    must(a.n_positional + a.n_options < (size_t)words.n);
    must(argument_required(&a, "--manifest", &value, &err) ==
         (argument_value(&a, "--manifest") != NULL));
    must(!argument_given(&a, "--unknown"));
    return 0;
}
