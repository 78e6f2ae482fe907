#include "compartment/cheri_map.h"

#include "fuzz.h"

/* The text of procstat(1): what is taken can be encoded, and what is refused leaves nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eat_measured m = {.n_components = 0};

    if (!cheri_map_measure(bytes_of(data, size), 7, "/linker", &m)) {
        must(!m.memory_map.present && !m.memory_map_summary[0]);
        return 0;
    }
    must(m.memory_map.present && m.memory_map_summary[0] &&
         strnlen(m.memory_map_summary, LIMIT_EAT_TEXT) < LIMIT_EAT_TEXT - 1);
    for (const char *p = m.memory_map_summary; *p; p++)
        must(*p >= 0x20 && *p <= 0x7e);
    return 0;
}
