// Golden MMFF files (tests/data/mmff): what `show --json` must say of each. The expectations were
// computed by another program, so hashes and line counts are checked, not copied.
#include <algorithm>
#include <fstream>
#include <sstream>

#include <boost/filesystem.hpp>
#include <nlohmann/json.hpp>

#include "postoffice/mmff_show.h"
#include "unit/postoffice/mmff_test_support.h"

using namespace smtpgate::postoffice;
using namespace smtpgate::postoffice::mmff_test;

namespace {

std::string contents_of(const boost::filesystem::path& path) {
  std::ifstream file(path.string(), std::ios::binary);
  REQUIRE(file);
  std::ostringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

std::vector<boost::filesystem::path> golden_files() {
  std::vector<boost::filesystem::path> paths;
  for (const auto& entry : boost::filesystem::directory_iterator(SMTPGATE_TEST_DATA "/mmff")) {
    if (entry.path().extension() == ".api") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  REQUIRE(paths.size() >= 7);
  return paths;
}

}  // namespace

TEST_CASE("MMFF golden files: show says what another program found in them") {
  for (auto path : golden_files()) {
    INFO(path.string());
    const std::string file = contents_of(path);
    MemorySource source(file);
    std::ostringstream shown;
    const auto result = show_json(source, shown);
    REQUIRE(result);
    const auto expected = nlohmann::json::parse(contents_of(path.replace_extension(".json")));
    CHECK(nlohmann::json::parse(shown.str()) == expected);
    CHECK(*result == expected["messages"].size());
  }
}

TEST_CASE("MMFF golden files: written again and read again they say the same") {
  for (const auto& path : golden_files()) {
    INFO(path.string());
    const auto messages = read_all(contents_of(path));
    REQUIRE(messages);
    for (const LineEnd line_end : all_line_ends) {
      const auto again = read_all(write_all(*messages, line_end));
      REQUIRE(again);
      REQUIRE(again->size() == messages->size());
      for (std::size_t i = 0; i < again->size(); ++i) {
        CHECK((*again)[i].sections == (*messages)[i].sections);
        CHECK(render_header((*again)[i].header, line_end) ==
              render_header((*messages)[i].header, line_end));
      }
    }
  }
}

TEST_CASE(
    "MMFF golden files: cut anywhere, they end in an error that names a place, or in fewer "
    "messages") {
  for (const auto& path : golden_files()) {
    const std::string file = contents_of(path);
    const auto whole = read_all(file);
    REQUIRE(whole);
    for (std::size_t length = 0; length < file.size(); ++length) {
      const auto result = read_all(std::string_view(file).substr(0, length));
      if (result) {
        CHECK(result->size() <= whole->size());
      } else {
        CHECK(result.error().line >= 1);
        CHECK(result.error().message >= 1);
        CHECK(!result.error().is_file_error);
      }
    }
  }
}
