// YencBlock: see the header.
#include "converter/yenc_block.h"

#include <algorithm>
#include <charconv>

#include "converter/crc32.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::uint64_t longest_line = 2000;  // the draft: 997; some write more
constexpr std::uint64_t most_size = std::uint64_t{1} << 62U;

/// The value of " key=value" up to the next blank; empty if it is not there.
std::string_view value_of(std::string_view fields, std::string_view key) {
  for (std::size_t at = 0; (at = fields.find(key, at)) != std::string_view::npos;
       at += key.size()) {
    const std::size_t end = at + key.size();
    if ((at == 0 || fields[at - 1] == ' ') && end < fields.size() && fields[end] == '=') {
      const std::string_view value = fields.substr(end + 1);
      return value.substr(0, value.find(' '));
    }
  }
  return {};
}

std::optional<std::uint64_t> number_of(std::string_view fields, std::string_view key,
                                       int base = 10) {
  const std::string_view text = value_of(fields, key);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size() || number > most_size) return {};
  return number;
}

/// Whether a full line may look so: an escape is not cut in two.
bool is_full(std::string_view line, std::uint64_t length) {
  if (line.size() == length + 1) return line[line.size() - 2] == '=';
  return line.size() == length && !line.ends_with('=');
}

/// How many octets a line stands for.
std::uint64_t octets_of(std::string_view line) {
  std::uint64_t octets = line.size();
  for (std::size_t at = 0; (at = line.find('=', at)) != std::string_view::npos; at += 2) --octets;
  return octets;
}

}  // namespace

std::optional<YencBegin> parse_yenc_begin(std::string_view line) {
  constexpr std::string_view begin = "=ybegin ";
  constexpr std::string_view name = " name=";
  if (!line.starts_with(begin)) return {};
  line.remove_prefix(begin.size() - 1);
  // The name is the last and may have anything in it.
  const std::size_t at = line.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view fields = line.substr(1, at == 0 ? 0 : at - 1);
  const auto length = number_of(fields, "line");
  const auto size = number_of(fields, "size");
  const auto part = number_of(fields, "part");
  const auto total = number_of(fields, "total");
  YencBegin result;
  result.name = trim(line.substr(at + name.size()));
  if (result.name.size() >= 2 && result.name.front() == '"' && result.name.back() == '"') {
    result.name = result.name.substr(1, result.name.size() - 2);
  }
  if (!length || !size || result.name.empty()) return {};
  if (*length == 0 || *length > longest_line) return {};
  result.line = *length;
  result.size = *size;
  result.part = part.value_or(0);
  result.total = total.value_or(0);
  return result;
}

YencBlock::YencBlock(const YencBegin& begin, std::string name, EmbeddedFileHandler& handler)
    : name_(std::move(name)),
      line_length_(begin.line),
      promised_(begin.size),
      awaits_part_(begin.part > 0),
      file_(handler) {
  if (begin.part == 0) return;
  part_mark_ = "partial:" + std::to_string(begin.part);
  if (begin.total > 0) part_mark_ += " of " + std::to_string(begin.total);
}

BlockLine YencBlock::line(std::string_view line) {
  if (awaits_part_) return part_line(line);
  if (line.starts_with("=y")) return end_line(line);
  if (!file_.is_open()) return first_line(line);
  // Relays change lines; the size that was promised bounds what can be lost to prose.
  const std::uint64_t left = promised_ - size_;
  if (octets_of(line) > left || left == 0) return BlockLine::refused;
  decode(line);
  file_.settle();
  return BlockLine::taken;
}

BlockLine YencBlock::part_line(std::string_view line) {
  constexpr std::string_view part = "=ypart ";
  if (!line.starts_with(part)) return BlockLine::refused;
  const std::string_view fields = line.substr(part.size());
  const auto first = number_of(fields, "begin");
  const auto last = number_of(fields, "end");
  if (!first || !last || *first == 0 || *last < *first) return BlockLine::refused;
  promised_ = *last - *first + 1;
  awaits_part_ = false;
  return BlockLine::undecided;
}

BlockLine YencBlock::first_line(std::string_view line) {
  if (has_first_) return BlockLine::refused;
  has_first_ = true;
  if (!is_full(line, line_length_)) {
    if (line.size() >= line_length_ || octets_of(line) != promised_) return BlockLine::refused;
    first_ = line;
    return BlockLine::undecided;
  }
  if (octets_of(line) > promised_) return BlockLine::refused;
  begin();
  decode(line);
  return BlockLine::taken;
}

void YencBlock::begin() {
  EmbeddedFile file;
  file.name = name_;
  if (!part_mark_.empty()) file.odd.push_back(part_mark_);
  file_.begin(file);
}

void YencBlock::decode(std::string_view line) {
  std::string& out = file_.octets();
  const std::size_t start = out.size();
  constexpr unsigned shift = 42;
  constexpr unsigned escape_shift = 64;
  while (!line.empty()) {
    const std::size_t escape = std::min(line.find('='), line.size());
    for (const char c : line.substr(0, escape))
      out += static_cast<char>(static_cast<unsigned char>(c) - shift);
    if (escape + 1 >= line.size()) break;
    out += static_cast<char>(static_cast<unsigned char>(line[escape + 1]) - escape_shift - shift);
    line.remove_prefix(escape + 2);
  }
  crc_ = crc32(crc_, std::string_view(out).substr(start));
  size_ += out.size() - start;
}

BlockLine YencBlock::end_line(std::string_view line) {
  constexpr std::string_view end = "=yend ";
  if (!line.starts_with(end)) return BlockLine::refused;
  const std::string_view fields = line.substr(end.size());
  const auto size = number_of(fields, "size");
  if (!size) return BlockLine::refused;
  if (!file_.is_open()) {
    begin();
    decode(first_);
  }
  const std::string_view key = part_mark_.empty() ? "crc32" : "pcrc32";
  const auto crc = number_of(fields, key, 16);
  std::vector<std::string> odd;
  if (size_ != *size || size_ != promised_) odd.emplace_back("size-differs");
  if (crc && *crc != crc_) odd.emplace_back("checksum-wrong");
  file_.end(odd);
  return BlockLine::last;
}

void YencBlock::close() {
  if (file_.is_open()) file_.end({"not-closed"});
}

}  // namespace smtpgate::converter
