// Golden files: each message of tests/data/inbound gives exactly the TO_NC.API beside it, whatever
// the size of the pieces it is fed in. SMTPGATE_UPDATE_GOLDEN=1 writes the files anew; look at the
// difference before you commit it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"

using smtpgate::test::Converting;
using smtpgate::test::read_whole;

namespace {

std::vector<std::filesystem::path> messages() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(SMTPGATE_TEST_DATA) + "/inbound")) {
    if (entry.path().extension() == ".eml") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

TEST_CASE("each golden message converts to the octets of its golden file", "[inbound][golden]") {
  const auto all = messages();
  REQUIRE(all.size() >= 20);
  for (const std::filesystem::path& path : all) {
    INFO(path.filename().string());
    std::filesystem::path golden = path;
    golden.replace_extension(".api");
    Converting converting;
    const std::string result = converting.convert(read_whole(path.string()));
    if (std::getenv("SMTPGATE_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(golden, std::ios::binary) << result;
    }
    CHECK(result == read_whole(golden.string()));
  }
}

TEST_CASE("pieces of any size give the same file", "[inbound][golden]") {
  for (const std::filesystem::path& path : messages()) {
    const std::string message = read_whole(path.string());
    Converting whole;
    const std::string expected = whole.convert(message);
    for (const std::size_t piece : {1, 2, 3, 7, 64, 100}) {
      INFO(path.filename().string() << " in pieces of " << piece);
      Converting pieces;
      pieces.piece = piece;
      CHECK(pieces.convert(message) == expected);
    }
  }
}

TEST_CASE("line ends of the input do not matter", "[inbound][golden]") {
  for (const std::filesystem::path& path : messages()) {
    INFO(path.filename().string());
    const std::string message = read_whole(path.string());
    std::string crlf;
    for (const char c : message) {
      if (c == '\n') crlf += '\r';
      crlf += c;
    }
    Converting lf_input;
    Converting crlf_input;
    CHECK(lf_input.convert(message) == crlf_input.convert(crlf));
  }
}
