// Any octets as a message: the converter gives one MMFF file that our own reader takes apart again,
// with every octet accounted for. The first octet chooses the size of the pieces, so that borders
// fall everywhere.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "converter/inbound.h"
#include "postoffice/mmff_reader.h"

using namespace smtpgate;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{data[0]} + 1;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const converter::SpoolPlace place{&postoffice::FileSystem::posix(), "/tmp",
                                    std::size_t{64} << 20};
  converter::RawMessage raw(place);
  for (std::size_t at = 0; at < message.size(); at += piece) {
    demand(raw.feed(message.substr(at, piece)).has_value());
  }
  converter::Envelope envelope;
  envelope.sender = "fuzz@example.com";
  converter::TargetFormat target;
  target.name = {"NET", "PO"};
  converter::InboundSettings settings;
  settings.limits.parts = 100;
  settings.limits.depth = 10;
  auto converted = converter::convert_inbound(raw, envelope, {}, target, settings, place);
  demand(converted.has_value());

  auto file = postoffice::FileSystem::posix().create_unnamed("/tmp");
  demand(file.has_value());
  demand(converted->write_to(raw, **file, postoffice::LineEnd::lf).has_value());
  auto status = (*file)->status();
  demand(status.has_value());
  std::string octets(status->size, '\0');
  demand((*file)->read_at(0, octets).value() == octets.size());

  postoffice::MemorySource source(octets);
  postoffice::Reader reader(source);
  auto first = reader.next();
  demand(first.has_value() && first->has_value());
  demand((*first)->attachments.size() == converted->header.attachments.size());
  demand((*first)->subject == converted->header.subject);
  auto second = reader.next();
  demand(second.has_value() && !second->has_value());
  return 0;
}
