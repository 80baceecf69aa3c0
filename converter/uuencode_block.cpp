// UuencodeBlock: see the header.
#include "converter/uuencode_block.h"

#include <algorithm>

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr unsigned no_sextet = 64;
// Lines that are as long as they say and hold so many octets are no accident behind a "begin" line.
constexpr unsigned certain_octets = 15;

using Sextets = std::array<unsigned char, 256>;

constexpr Sextets uuencode_sextets = [] {
  Sextets table{};
  table.fill(no_sextet);
  for (unsigned octet = 0x20; octet <= 0x60; ++octet) {
    table[octet] = static_cast<unsigned char>((octet - 0x20) & 63U);
  }
  return table;
}();

constexpr Sextets xxencode_sextets = [] {
  constexpr std::string_view letters =
      "+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  Sextets table{};
  table.fill(no_sextet);
  for (std::size_t at = 0; at < letters.size(); ++at) {
    table[static_cast<unsigned char>(letters[at])] = static_cast<unsigned char>(at);
  }
  return table;
}();

bool is_end(std::string_view line) {
  return without_trailing_blanks(line) == "end";
}

}  // namespace

std::string_view name_on_begin_line(std::string_view line) {
  constexpr std::string_view begin = "begin ";
  if (!line.starts_with(begin)) return {};
  return name_behind_mode(line.substr(begin.size()));
}

std::string_view name_behind_mode(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("01234567"), text.size());
  if (digits < 3 || digits > 4 || digits == text.size() || text[digits] != ' ') return {};
  return trim(text.substr(digits));
}

struct UuencodeBlock::Line {
  enum class Shape {
    wrong,
    zero,   ///< says that it has no octets
    exact,  ///< has as many characters as it says
    cut,    ///< has fewer: relays take blanks off, and blanks are zeros
  };
  Shape shape = Shape::wrong;
  unsigned octets = 0;
  std::string_view code;
};

UuencodeBlock::Line UuencodeBlock::parse(std::string_view line, Alphabet alphabet) {
  const bool is_xx = alphabet == Alphabet::xxencode;
  if (line.empty()) return {is_xx ? Line::Shape::wrong : Line::Shape::zero, 0, {}};
  const Sextets& table = is_xx ? xxencode_sextets : uuencode_sextets;
  const unsigned octets = table[static_cast<unsigned char>(line.front())];
  if (octets == no_sextet) return {};
  std::string_view code = line.substr(1);
  const std::size_t needed = std::size_t{(octets + 2) / 3} * 4;
  // Behind the groups: a check character of some encoders, blanks of some relays.
  if (code.size() > needed + 1) {
    if (without_trailing_blanks(code).size() > needed + 1) return {};
    code = code.substr(0, needed + 1);
  }
  const std::string_view groups = code.substr(0, needed);
  if (std::any_of(groups.begin(), groups.end(),
                  [&](char c) { return table[static_cast<unsigned char>(c)] == no_sextet; })) {
    return {};
  }
  if (octets == 0) return {Line::Shape::zero, 0, {}};
  // Encoders that leave out the characters no octet needs are as good.
  if (groups.size() >= (std::size_t{octets} * 8 + 5) / 6) {
    return {Line::Shape::exact, octets, groups};
  }
  if (is_xx || groups.ends_with(' ')) return {};
  return {Line::Shape::cut, octets, groups};
}

void UuencodeBlock::decode(const Line& line, Alphabet alphabet, std::string& out) {
  const Sextets& table = alphabet == Alphabet::xxencode ? xxencode_sextets : uuencode_sextets;
  const auto sextet = [&](std::size_t index) {
    return index < line.code.size() ? unsigned{table[static_cast<unsigned char>(line.code[index])]}
                                    : 0U;
  };
  const std::size_t start = out.size();
  out.resize(start + std::size_t{(line.octets + 2) / 3} * 3);
  char* to = out.data() + start;
  for (std::size_t index = 0; index < std::size_t{(line.octets + 2) / 3} * 4; index += 4) {
    const unsigned bits = sextet(index) << 18U | sextet(index + 1) << 12U |
                          sextet(index + 2) << 6U | sextet(index + 3);
    *to++ = static_cast<char>(bits >> 16U);
    *to++ = static_cast<char>(bits >> 8U);
    *to++ = static_cast<char>(bits);
  }
  out.resize(start + line.octets);
}

BlockLine UuencodeBlock::line(std::string_view line) {
  return file_.is_open() ? data_line(line) : undecided_line(line);
}

/// False if the line cannot be of that alphabet. A block is certain by it if it says so.
bool UuencodeBlock::add_to(Candidate& candidate, std::string_view text, Alphabet alphabet) {
  const Line line = parse(text, alphabet);
  const bool is_zero = line.shape == Line::Shape::zero;
  candidate.possible =
      candidate.possible && line.shape != Line::Shape::wrong && !candidate.has_zero_line;
  if (!candidate.possible) return false;
  if (is_zero) {
    candidate.has_zero_line = true;
    candidate.has_shown_zero_line = !text.empty();
    return false;
  }
  ++candidate.data_lines;
  if (line.shape != Line::Shape::exact) return false;
  ++candidate.exact_lines;
  candidate.exact_octets += line.octets;
  return candidate.exact_octets >= certain_octets;
}

BlockLine UuencodeBlock::undecided_line(std::string_view line) {
  if (is_end(line)) return end_undecided();
  undecided_.emplace_back(line);
  for (const Alphabet alphabet : {Alphabet::uuencode, Alphabet::xxencode}) {
    if (add_to(candidates_[static_cast<std::size_t>(alphabet)], line, alphabet)) {
      decide(alphabet);
      return BlockLine::taken;
    }
  }
  const bool any = candidates_[0].possible || candidates_[1].possible;
  return any ? BlockLine::undecided : BlockLine::refused;
}

/// A small file: all of it is here.
BlockLine UuencodeBlock::end_undecided() {
  const auto is_whole = [](const Candidate& candidate) {
    if (!candidate.possible) return false;
    if (candidate.data_lines == 0) return candidate.has_zero_line;
    return candidate.exact_lines > 0 || candidate.has_shown_zero_line;
  };
  const Candidate& uuencode = candidates_[0];
  const Candidate& xxencode = candidates_[1];
  if (!is_whole(uuencode) && !is_whole(xxencode)) return BlockLine::refused;
  const bool is_xx =
      is_whole(xxencode) && (!is_whole(uuencode) || xxencode.exact_lines > uuencode.exact_lines);
  decide(is_xx ? Alphabet::xxencode : Alphabet::uuencode);
  file_.end({});
  return BlockLine::last;
}

void UuencodeBlock::decide(Alphabet alphabet) {
  alphabet_ = alphabet;
  file_.begin({.name = name_, .content_type = {}, .content_id = {}, .odd = {}});
  for (const std::string& text : undecided_) {
    const Line line = parse(text, alphabet);
    after_zero_line_ = after_zero_line_ || line.shape == Line::Shape::zero;
    usual_ = std::max(usual_, line.octets);
    decode(line, alphabet, file_.octets());
  }
  undecided_.clear();
}

void UuencodeBlock::take_pending() {
  if (!has_pending_) return;
  decode(parse(pending_, alphabet_), alphabet_, file_.octets());
  has_pending_ = false;
}

BlockLine UuencodeBlock::data_line(std::string_view text) {
  if (is_end(text)) {
    take_pending();
    file_.end({});
    return BlockLine::last;
  }
  if (after_zero_line_) {
    return without_trailing_blanks(text).empty() ? BlockLine::undecided : BlockLine::refused;
  }
  const Line line = parse(text, alphabet_);
  if (line.shape == Line::Shape::wrong) return BlockLine::refused;
  if (line.shape == Line::Shape::zero) {
    // An empty line may as well be the text's.
    after_zero_line_ = true;
    return BlockLine::undecided;
  }
  if (has_pending_) return BlockLine::refused;
  if (line.shape == Line::Shape::cut && line.octets < usual_) {
    // Prose in capitals behind a block that never ends would look so, too; the end will tell.
    pending_ = text;
    has_pending_ = true;
    return BlockLine::undecided;
  }
  usual_ = std::max(usual_, line.octets);
  decode(line, alphabet_, file_.octets());
  file_.settle();
  return BlockLine::taken;
}

void UuencodeBlock::close() {
  if (file_.is_open()) file_.end({"not-closed"});
}

}  // namespace smtpgate::converter
