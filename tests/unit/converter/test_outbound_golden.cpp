// Golden files: each message of tests/data/outbound gives exactly the SMTP_OUT.ENV and SMTP_OUT.822
// beside it (NAME.env, NAME.822). SMTPGATE_UPDATE_GOLDEN=1 writes them anew; look at the difference
// before you commit it. tests/outgoing/run reads the same files with other people's parsers.
//
// SMTPGATE_OUTBOUND_SAMPLES=DIR writes generated messages there, for the same program.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <nlohmann/json.hpp>

#include "unit/catch.h"
#include "unit/converter/outbound_fixture.h"

using namespace smtpgate;
using test::read_whole;
using test::Sending;

namespace {

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(SMTPGATE_TEST_DATA) + "/outbound")) {
    if (entry.path().extension() == ".api") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// As smtpconv does: TO and CC are the recipients.
Expected<test::SentMessage> convert(const std::string& octets, const std::string& name) {
  Sending sending;
  if (name.starts_with("uuencode")) sending.settings.uuencode_domains = {"example.com"};
  if (name.starts_with("program")) {
    sending.request.null_sender = true;
    sending.request.auto_submitted = "auto-generated";
  }
  const auto header = test::read_api(octets).header;
  sending.request.recipients = header.to;
  sending.request.recipients.insert(sending.request.recipients.end(), header.cc.begin(),
                                    header.cc.end());
  return sending.try_file(octets);
}

}  // namespace

TEST_CASE("each golden MMFF file gives the octets of its golden message", "[outbound][golden]") {
  const auto all = files();
  REQUIRE(all.size() >= 12);
  for (const std::filesystem::path& path : all) {
    INFO(path.filename().string());
    const auto sent = convert(read_whole(path.string()), path.stem().string());
    REQUIRE(sent);
    const std::string envelope = converter::render_outbound_envelope(sent->envelope);
    std::filesystem::path content_path = path;
    content_path.replace_extension(".822");
    std::filesystem::path envelope_path = path;
    envelope_path.replace_extension(".env");
    if (std::getenv("SMTPGATE_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(content_path, std::ios::binary) << sent->content;
      std::ofstream(envelope_path, std::ios::binary) << envelope;
    }
    CHECK(sent->content == read_whole(content_path.string()));
    CHECK(envelope == read_whole(envelope_path.string()));
  }
}
