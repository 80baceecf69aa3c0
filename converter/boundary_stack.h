// The open multiparts of a message while it is parsed, and the one question asked of them for each
// line that starts with "--": is it a boundary line (RFC 2046, 5.1.1), and whose?
//
// The answer costs the line's own length, however many multiparts are open: a sender who opens a
// thousand and then sends a million dashes gains nothing. Not for: what follows from a boundary
// (mime_parser.cpp).
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace smtpgate::converter {

struct OpenMultipart {
  std::string boundary;
  unsigned children = 0;
  bool is_digest = false;
  bool after_parts = false;  ///< its close-delimiter was seen

  std::size_t longest_boundary = 0;      ///< of this one and all around it
  std::optional<std::size_t> same_name;  ///< the next outer one with an equal boundary
};

struct BoundaryMatch {
  std::size_t level;  ///< 0: the outermost multipart
  bool closes;        ///< close-delimiter
};

class BoundaryStack {
 public:
  bool empty() const { return open_.empty(); }
  std::size_t size() const { return open_.size(); }
  OpenMultipart& innermost() { return open_.back(); }

  void push(std::string boundary, bool is_digest);
  void pop();

  /// `line` with or without its line end. Of equal boundaries the innermost that is not yet closed
  /// wins; a line that can be read in two ways (boundaries "b" and "b--") belongs to the innermost.
  std::optional<BoundaryMatch> match(std::string_view line) const;

  /// A line of more octets than this, line end included, is never a boundary line.
  std::size_t longest_line() const;

 private:
  std::optional<std::size_t> find(std::string_view boundary) const;

  std::deque<OpenMultipart> open_;  // a deque: by_name_ looks into its strings
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

}  // namespace smtpgate::converter
