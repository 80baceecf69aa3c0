// See late_tnef.h.
#include "converter/late_tnef.h"

#include <algorithm>
#include <utility>

#include "converter/tnef_expansion.h"
#include "converter/tnef_format.h"

namespace smtpgate::converter {

void LateTnef::begin() {
  may_be_tnef_ = true;
  first_.clear();
  begin_ = octets_.size();
}

void LateTnef::feed(std::string_view octets) {
  if (!may_be_tnef_ || error_) return;
  if (first_.size() < tnef::signature.size()) {
    const std::size_t missing = tnef::signature.size() - first_.size();
    first_ += octets.substr(0, missing);
    octets.remove_prefix(std::min(missing, octets.size()));
    if (first_.size() < tnef::signature.size()) return;
    may_be_tnef_ = first_ == tnef::signature;
    if (!may_be_tnef_) return;
    take_error(octets_.write(first_));
  }
  take_error(octets_.write(octets));
}

void LateTnef::end(std::size_t attachment) {
  if (octets_.size() > begin_) found_.push_back({attachment, begin_, octets_.size() - begin_});
  may_be_tnef_ = false;
}

void LateTnef::expand(ExpansionContext context, EmbeddedAttachments& files) {
  for (const Found& found : std::exchange(found_, {})) {
    if (error_ || files.error()) return;
    context.name = list_[found.attachment].name;
    files.set_source(context.name);
    expand_one(found, context);
    files.set_source({});
  }
}

void LateTnef::expand_one(const Found& found, const ExpansionContext& context) {
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

void LateTnef::take_error(const postoffice::FileResult<void>& result) {
  if (!result && !error_) error_ = result.error();
}

void TnefInText::begin_file(const EmbeddedFile& file) {
  const unsigned before = files_.files();
  files_.begin_file(file);
  is_taken_ = files_.files() > before;
  if (is_taken_) late_.begin();
}

void TnefInText::file_octets(std::string_view octets) {
  files_.file_octets(octets);
  if (is_taken_) late_.feed(octets);
}

void TnefInText::end_file(const std::vector<std::string>& odd) {
  files_.end_file(odd);
  if (is_taken_) late_.end(list_.size() - 1);
  is_taken_ = false;
}

}  // namespace smtpgate::converter
