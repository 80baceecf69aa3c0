// AppleSingle and AppleDouble on any octets: where it is cut changes nothing, files come in order,
// and no more comes out than the container can hold twice. The first octet chooses the cuts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "converter/apple_file.h"

namespace {

using namespace smtpgate;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Everything : converter::EmbeddedFileHandler {
  void begin_file(const converter::EmbeddedFile& file) override {
    require(!is_open);
    is_open = true;
    all += "file " + file.name + "\n";
  }
  void file_octets(std::string_view octets) override {
    require(is_open);
    all += octets;
  }
  void end_file(const std::vector<std::string>& odd) override {
    require(is_open);
    is_open = false;
    for (const std::string& mark : odd) all += mark;
  }
  std::string all;
  bool is_open = false;
};

std::string read(std::string_view octets, std::size_t piece) {
  const converter::SpoolPlace place{&postoffice::FileSystem::posix(), "/tmp",
                                    std::size_t{64} << 20};
  const converter::TargetFormat target;
  const converter::ContainerLimits limits;
  Everything everything;
  converter::SubstituteText substitute(place);
  converter::AppleFileReader reader({target, limits, place, everything, substitute, "container"});
  while (!octets.empty()) {
    const std::string copy(octets.substr(0, piece));
    reader.feed(copy);
    octets.remove_prefix(copy.size());
  }
  reader.finish();
  require(!reader.error() && !everything.is_open);
  for (const std::string& mark : reader.marks()) everything.all += mark;
  return everything.all + reader.real_name();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = read(octets, std::string_view::npos);
  require(read(octets, std::size_t{data[0]} % 64 + 1) == whole);
  require(whole.size() <= 10'000 + 10 * octets.size());
  return 0;
}
