// LimitedFiles: see the header.
#include "converter/container_limits.h"

namespace smtpgate::converter {

void LimitedFiles::begin_file(const EmbeddedFile& file) {
  is_cut_ = false;
  target_.begin_file(file);
}

void LimitedFiles::file_octets(std::string_view octets) {
  if (is_cut_) return;
  const std::uint64_t most = limits_.expansion_floor + input_ * limits_.expansion;
  const std::uint64_t left = most > output_ ? most - output_ : 0;
  if (octets.size() > left) {
    octets = octets.substr(0, left);
    is_cut_ = true;
    is_broken_ = true;
  }
  output_ += octets.size();
  if (!octets.empty()) target_.file_octets(octets);
}

void LimitedFiles::end_file(const std::vector<std::string>& odd) {
  if (!is_cut_) return target_.end_file(odd);
  std::vector<std::string> marks = odd;
  marks.push_back(mark_);
  target_.end_file(marks);
}

}  // namespace smtpgate::converter
