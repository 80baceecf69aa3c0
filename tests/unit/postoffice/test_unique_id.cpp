// Unique names: their form, and the order in which they sort.
#include <algorithm>
#include <string>
#include <vector>

#include "postoffice/unique_id.h"
#include "unit/catch.h"

using namespace smtpgate::postoffice;

TEST_CASE("IDs made in a burst sort in the order in which they were made") {
  std::vector<std::string> ids;
  for (int i = 0; i < 2000; ++i) ids.push_back(new_unique_id());
  CHECK(std::is_sorted(ids.begin(), ids.end()));
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
}

TEST_CASE("an ID is 32 lower-case hexadecimal digits") {
  const std::string id = new_unique_id();
  CHECK(id.size() == 32);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
}
