// Keys that are told by what they stand for. The figures are those of other BLAKE2b programs: what
// lies in postoffices today must be found again tomorrow.
#include <string>

#include "postoffice/derived_key.h"
#include "unit/catch.h"

using smtpgate::postoffice::derived_key;

TEST_CASE("a derived key is BLAKE2b, and its length counts") {
  CHECK(derived_key("smtpgate") ==
        "36079366286e7aa4832ce8a1ccda9aae3d905cb2c455c7901d41715090d136f8");
  CHECK(derived_key("smtpgate", 16) == "5cc010c990c7dd3ec6454dbf9c380160");
  CHECK(derived_key(std::string("smtpgate\0", 9)) != derived_key("smtpgate"));
}
