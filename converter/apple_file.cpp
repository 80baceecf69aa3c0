// AppleFileReader: header, list of entries, then each octet is given to the entries it belongs to.
// Only the first entry of each kind counts, so nothing is told more than once.
#include "converter/apple_file.h"

#include <algorithm>
#include <utility>

#include "converter/mail_text_decoder.h"
#include "converter/octet_order.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t header_size = 26;
constexpr std::size_t entry_size = 12;
constexpr std::size_t spool_memory = std::size_t{256} << 10;
constexpr std::size_t longest_name = 1000;  // octets

constexpr std::uint64_t single_magic = 0x00051600;
constexpr std::uint64_t double_magic = 0x00051607;
constexpr std::uint64_t data_fork_id = 1;
constexpr std::uint64_t resource_fork_id = 2;
constexpr std::uint64_t real_name_id = 3;

SpoolPlace smaller(SpoolPlace place) {
  place.memory = std::min(place.memory, spool_memory);
  return place;
}

}  // namespace

AppleFileReader::AppleFileReader(const ExpansionContext& context)
    : context_(context),
      data_fork_(smaller(context.place)),
      resource_fork_(smaller(context.place)) {}

bool AppleFileReader::gather(std::string_view& octets, std::size_t size) {
  const std::size_t count = std::min(size - held_size_, octets.size());
  octets.copy(held_.data() + held_size_, count);
  held_size_ += count;
  position_ += count;
  octets.remove_prefix(count);
  if (held_size_ < size) return false;
  held_size_ = 0;
  return true;
}

void AppleFileReader::feed(std::string_view octets) {
  while (!octets.empty() && !error_) {
    switch (state_) {
      case State::header:
        if (gather(octets, header_size)) take_header();
        break;
      case State::entries:
        if (gather(octets, entry_size)) take_entry();
        break;
      case State::contents:
        take_contents(octets);
        return;
      case State::no_apple_file:
        return;
    }
  }
}

void AppleFileReader::take_header() {
  const std::string_view header(held_.data(), header_size);
  const std::uint64_t magic = big_endian(header.substr(0, 4));
  if (magic != single_magic && magic != double_magic) {
    state_ = State::no_apple_file;
    return;
  }
  entries_left_ = static_cast<unsigned>(big_endian(header.substr(24, 2)));
  state_ = entries_left_ == 0 ? State::contents : State::entries;
}

void AppleFileReader::take_entry() {
  const std::string_view field(held_.data(), entry_size);
  const std::uint64_t id = big_endian(field.substr(0, 4));
  Entry* const entry = id == data_fork_id       ? &data_
                       : id == resource_fork_id ? &resource_
                       : id == real_name_id     ? &real_name_
                                                : nullptr;
  if (entry != nullptr && !entry->is_there) {
    *entry = {true, big_endian(field.substr(4, 4)), big_endian(field.substr(8, 4)), 0};
  }
  if (--entries_left_ == 0) state_ = State::contents;
}

std::string_view AppleFileReader::part_of(Entry& entry, std::string_view octets) const {
  if (!entry.is_there) return {};
  const std::uint64_t begin = std::max(position_, entry.offset);
  const std::uint64_t end = std::min(position_ + octets.size(), entry.offset + entry.size);
  if (begin >= end) return {};
  entry.taken += end - begin;
  return octets.substr(begin - position_, end - begin);
}

void AppleFileReader::take_contents(std::string_view octets) {
  write(data_fork_, part_of(data_, octets));
  write(resource_fork_, part_of(resource_, octets));
  const std::string_view name = part_of(real_name_, octets);
  name_ += name.substr(0, longest_name - std::min(longest_name, name_.size()));
  position_ += octets.size();
}

void AppleFileReader::write(Spool& spool, std::string_view octets) {
  if (octets.empty() || error_) return;
  if (auto written = spool.write(octets); !written) error_ = written.error();
}

void AppleFileReader::finish() {
  name_.resize(std::min(name_.find('\0'), name_.size()));
  name_ = postoffice::is_utf8(name_) ? name_ : decode_labelled(name_, "macintosh");
  if (state_ == State::no_apple_file || error_) return;
  const std::string base = name_.empty() ? context_.name : name_;
  if (data_.is_there) tell(data_fork_, data_, name_.empty() ? base + ".data" : base);
  if (resource_fork_.size() > 0) tell(resource_fork_, resource_, base + ".rsrc");
}

void AppleFileReader::tell(Spool& octets, const Entry& entry, std::string name) {
  EmbeddedFile file;
  file.name = std::move(name);
  context_.files.begin_file(file);
  auto read = octets.for_each_piece(spool_piece, [&](std::string_view piece) {
    context_.files.file_octets(piece);
    return true;
  });
  if (!read) error_ = read.error();
  std::vector<std::string> odd;
  if (entry.taken < entry.size) odd.emplace_back("apple-file-damaged");
  context_.files.end_file(odd);
}

std::vector<std::string> AppleFileReader::marks() const {
  if (state_ == State::no_apple_file || state_ == State::header) return {"apple-file-damaged"};
  std::vector<std::string> marks = {"expanded"};
  const auto is_cut = [](const Entry& entry) { return entry.taken < entry.size; };
  if (state_ != State::contents || is_cut(data_) || is_cut(resource_) || is_cut(real_name_)) {
    marks.emplace_back("apple-file-damaged");
  }
  return marks;
}

}  // namespace smtpgate::converter
