// See boundary_stack.h.
#include "converter/boundary_stack.h"

#include <algorithm>
#include <utility>

namespace smtpgate::converter {
namespace {

// RFC 2046 allows blanks after a boundary (transport padding) and sets no bound. We read so many
// that no honest line is missed and so few that a held line stays small.
constexpr std::size_t most_padding = 256;

std::string_view without_padding(std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view{} : line.substr(0, last + 1);
}

}  // namespace

void BoundaryStack::push(std::string boundary, bool is_digest) {
  const std::size_t around = open_.empty() ? 0 : open_.back().longest_boundary;
  OpenMultipart& added = open_.emplace_back();
  added.boundary = std::move(boundary);
  added.is_digest = is_digest;
  added.longest_boundary = std::max(around, added.boundary.size());
  const std::size_t level = open_.size() - 1;
  const auto [place, is_new] = by_name_.try_emplace(added.boundary, level);
  if (!is_new) added.same_name = std::exchange(place->second, level);
}

void BoundaryStack::pop() {
  const OpenMultipart& last = open_.back();
  const auto place = by_name_.find(last.boundary);
  if (last.same_name) {
    // The key stays that of the outermost namesake, whose string outlives this one's.
    place->second = *last.same_name;
  } else {
    by_name_.erase(place);
  }
  open_.pop_back();
}

std::size_t BoundaryStack::longest_line() const {
  const std::size_t longest = open_.empty() ? 0 : open_.back().longest_boundary;
  return longest + std::string_view("----\r\n").size() + most_padding;
}

std::optional<std::size_t> BoundaryStack::find(std::string_view boundary) const {
  const auto place = by_name_.find(boundary);
  if (place == by_name_.end()) return std::nullopt;
  // A multipart inside one with the same boundary: what follows the inner close-delimiter is the
  // outer one's. Only the innermost multipart can be closed and still open here, so one step is
  // enough.
  const OpenMultipart& found = open_[place->second];
  if (found.after_parts && found.same_name) return found.same_name;
  return place->second;
}

std::optional<BoundaryMatch> BoundaryStack::match(std::string_view line) const {
  if (open_.empty() || !line.starts_with("--") || line.size() > longest_line()) return std::nullopt;
  const std::string_view name = without_padding(line.substr(2));
  if (name.empty()) return std::nullopt;
  std::optional<BoundaryMatch> result;
  if (const auto level = find(name)) result = BoundaryMatch{*level, false};
  if (name.size() > 2 && name.ends_with("--")) {
    const auto level = find(name.substr(0, name.size() - 2));
    if (level && (!result || *level > result->level)) result = BoundaryMatch{*level, true};
  }
  return result;
}

}  // namespace smtpgate::converter
