// See inner_set_run.h.
#include "postoffice/inner_set_run.h"

#include <utility>

#include "postoffice/character_set.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {
constexpr std::size_t most_undecoded = 4096;
}

InnerSetRun::InnerSetRun(std::string_view set) {
  if (auto opened = CharacterDecoder::open(set)) {
    decoder_ = std::make_unique<CharacterDecoder>(std::move(*opened));
  }
}
InnerSetRun::~InnerSetRun() = default;
InnerSetRun::InnerSetRun(InnerSetRun&&) noexcept = default;
InnerSetRun& InnerSetRun::operator=(InnerSetRun&&) noexcept = default;

void InnerSetRun::add(char octet, std::string& out) {
  octets_ += octet;
  is_open_ = true;
  if (octets_.size() >= most_undecoded) flush(out);
}

void InnerSetRun::flush(std::string& out) {
  if (octets_.empty()) return;
  if (decoder_) {
    decoder_->feed(octets_, out);
  } else {
    out += repair_utf8(octets_, &replaced_);
  }
  octets_.clear();
}

void InnerSetRun::end(std::string& out) {
  if (!std::exchange(is_open_, false)) return;
  flush(out);
  if (decoder_) decoder_->finish(out);
}

std::uint64_t InnerSetRun::replaced() const {
  return replaced_ + (decoder_ ? decoder_->replaced() : 0);
}

}  // namespace smtpgate::postoffice
