// TNEF on any octets: where it is cut changes nothing, and what comes out stays in proportion. The
// first octet chooses the cuts. Dictionary: tnef.dict.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "converter/calendar_writer.h"
#include "converter/tnef_reader.h"

using namespace smtpgate;

namespace {

struct Everything : converter::EmbeddedFileHandler, converter::TnefMessageHandler {
  void begin_file(const converter::EmbeddedFile& file) override {
    all += "file " + file.name + " " + file.content_type + " " + file.content_id + "\n";
  }
  void file_octets(std::string_view octets) override { all += octets; }
  void end_file(const std::vector<std::string>& odd) override {
    for (const std::string& mark : odd) all += mark;
  }
  void message(converter::TnefMessage& message) override {
    all += "message " + message.name + message.subject + message.to + message.text_charset;
    postoffice::StringSink sink(all);
    for (converter::Spool* spool : {&message.text, &message.html, &message.rtf}) {
      if (!spool->copy_to(sink)) std::abort();
    }
    if (!message.meeting) return;
    all += converter::meeting_lines(*message.meeting);
    all += converter::to_icalendar(*message.meeting);
  }
  std::string all;
};

std::string read(std::string_view octets, std::size_t piece) {
  const converter::SpoolPlace place{&postoffice::FileSystem::posix(), "/tmp",
                                    std::size_t{64} << 20};
  const converter::ContainerLimits limits;
  Everything everything;
  converter::LimitedFiles files(everything, limits, "tnef-limit");
  converter::TnefReader reader(place, limits, files, everything);
  while (!octets.empty()) {
    const std::string copy(octets.substr(0, piece));
    reader.feed(copy);
    octets.remove_prefix(copy.size());
  }
  reader.finish();
  if (reader.error()) std::abort();
  for (const std::string& mark : reader.marks()) everything.all += mark;
  return everything.all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = read(octets, std::string_view::npos);
  const bool is_sound = whole == read(octets, std::size_t{data[0]} % 64 + 1) &&
                        whole.size() < 10'000 + 100 * octets.size();
  if (!is_sound) std::abort();
  return 0;
}
