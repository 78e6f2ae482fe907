#include "attester/attester.h"

#include "fuzz.h"

static void must_be_claim(const char *text)
{
    must(text[0] && strnlen(text, LIMIT_EAT_TEXT) < LIMIT_EAT_TEXT);
    for (; *text; text++)
        must(*text >= 0x20 && *text <= 0x7e);
}

/* The text of /proc/cpuinfo: whatever it is, the claims can be encoded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attester_host host = {0};
    char text[4096];

    text_from(bytes_of(data, size), text, sizeof(text));
    attester_parse_cpuinfo(text, &host);
    must_be_claim(host.cpu_model);
    must_be_claim(host.cpu_version);
    return 0;
}
