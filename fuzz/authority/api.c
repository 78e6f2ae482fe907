/* A hostile client of the authority, where nobody is registered or enrolled: nothing is ever
 * certified, approved or enrolled. */
#include "authority/api.h"

#include "empty.h"
#include "issuers.h"
#include "played_server.h"

static void signer_lost(void *context)
{
    (void)context;
    abort(); /* it was never asked */
}

static struct api *make(void)
{
    static struct issuer issuer = {.signer = {-1}};
    static struct api api = {
        .issuer = &issuer, .submissions = {1000000000, 1000000000, 0}, .signer_lost = signer_lost};
    _cleanup_buffer_ struct buffer unused = buffer_up_to(KIB(64));

    issuer.root = fuzz_issuer(&unused, &unused);
    for (unsigned i = 0; i < TIERS; i++)
        issuer.tiers[i] = fuzz_issuer(&unused, &unused);
    issuer.registry = fuzz_registry();
    issuer.challenges = challenges_new();
    return &api;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct api *api;
    _cleanup_played_ struct server_request request;

    if (!api)
        api = make();
    if (!played_request(bytes_of(data, size), &request))
        return 0;
    played_serve(&request, api_handle, api);
    must(request.status != 201);
    must(request.status != 200 || !bytes_equal_text(request.message.path, "/v1/certificates"));
    return 0;
}
