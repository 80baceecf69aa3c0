// See tnef_in_text.h.
#include "converter/tnef_in_text.h"

#include <algorithm>
#include <utility>

#include "converter/tnef_expansion.h"
#include "converter/tnef_format.h"

namespace smtpgate::converter {

void TnefInText::begin_file(const EmbeddedFile& file) {
  const unsigned before = files_.files();
  files_.begin_file(file);
  is_looked_at_ = files_.files() > before;
  first_.clear();
}

void TnefInText::file_octets(std::string_view octets) {
  files_.file_octets(octets);
  if (!is_looked_at_ || error_) return;
  if (first_.size() < tnef::signature.size()) {
    const std::size_t missing = tnef::signature.size() - first_.size();
    first_ += octets.substr(0, missing);
    octets.remove_prefix(std::min(missing, octets.size()));
    if (first_.size() < tnef::signature.size()) return;
    is_looked_at_ = first_ == tnef::signature;
    if (!is_looked_at_) return;
    found_.push_back({list_.size() - 1, octets_.size(), 0});
    take_error(octets_.write(first_));
  }
  take_error(octets_.write(octets));
}

void TnefInText::end_file(const std::vector<std::string>& odd) {
  files_.end_file(odd);
  const bool is_tnef = is_looked_at_ && first_ == tnef::signature;
  if (is_tnef) found_.back().size = octets_.size() - found_.back().offset;
  is_looked_at_ = false;
}

void TnefInText::expand(ExpansionContext context) {
  for (const Found& found : found_) {
    if (error_ || files_.error()) return;
    context.name = list_[found.attachment].name;
    files_.set_source(context.name);
    expand_one(found, context);
    files_.set_source({});
  }
}

void TnefInText::expand_one(const Found& found, const ExpansionContext& context) {
  TnefExpansion expansion(context, true);
  take_error(
      octets_.for_each_piece(found.offset, found.size, spool_piece, [&](std::string_view piece) {
        expansion.feed(piece);
        return !expansion.error();
      }));
  expansion.finish();
  if (expansion.error()) error_ = expansion.error();
  for (std::string& mark : expansion.marks()) {
    list_[found.attachment].odd.push_back(std::move(mark));
  }
}

void TnefInText::take_error(const postoffice::FileResult<void>& result) {
  if (!result && !error_) error_ = result.error();
}

}  // namespace smtpgate::converter
