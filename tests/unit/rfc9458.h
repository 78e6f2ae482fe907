/* RFC 9458, appendix A: one request and its response, in the one suite that we have too. */
#ifndef IDEVS_TESTS_UNIT_RFC9458_H
#define IDEVS_TESTS_UNIT_RFC9458_H

#define RFC9458_SERVER_KEY "3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a"
#define RFC9458_KEY_CONFIG                                                                         \
    "01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155000800010001000100"     \
    "03"
#define RFC9458_REQUEST   "00034745540568747470730b6578616d706c652e636f6d012f"
#define RFC9458_EPHEMERAL "bc51d5e930bda26589890ac7032f70ad12e4ecb37abb1b65b1256c9c48999c73"
#define RFC9458_ENC       "4b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b472"
#define RFC9458_INFO      "6d6573736167652f626874747020726571756573740001002000010001"
#define RFC9458_SEALED_REQUEST                                                                     \
    "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e46913"     \
    "5906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525"
#define RFC9458_RESPONSE "0140c8"
#define RFC9458_SECRET   "62d87a6ba569ee81014c2641f52bea36"
#define RFC9458_SALT                                                                               \
    "4b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b472c789e7151fcba46158ca84b0"     \
    "4464910d"
#define RFC9458_PRK        "979aaeae066cf211ab407b31ae49767f344e1501e475c84e8aff547cc5a683db"
#define RFC9458_AEAD_KEY   "5d0172a080e428b16d298c4ea0db620d"
#define RFC9458_AEAD_NONCE "f6bf1aeb88d6df87007fa263"
#define RFC9458_SEALED_RESPONSE                                                                    \
    "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd"

#endif
