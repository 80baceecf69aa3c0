// The MIME parser on any octets: events nest, body and raw octets stand in the input where the
// entity's offsets say, and where the input is cut changes nothing. The first octet chooses the
// cuts.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "converter/mime_parser.h"

namespace {

using namespace smtpgate::converter;

void require(bool condition) {
  if (!condition) std::abort();
}

/// All events as one string, neighbouring pieces joined.
class Recorder : public EntityHandler {
 public:
  explicit Recorder(std::string_view message) : message_(message) {}

  void begin_entity(const EntityStart& entity) override {
    require(entity.depth == open_);
    open_ += entity.is_multipart ? 1 : 0;
    leaf_ = !entity.is_multipart;
    add('(', entity.content_type.str());
    for (const HeaderField& field : entity.header.all()) log += field.name + ':' + field.value;
    require(entity.offset <= entity.body_offset && entity.body_offset <= message_.size());
    body_offset_ = entity.body_offset;
    if (raw_is_asked_) {
      require(message_.substr(entity.offset).starts_with(raw_));
      raw_is_asked_ = false;
      raw_offset_ = entity.offset;
    }
  }
  void body(std::string_view piece) override {
    require(leaf_ && !piece.empty());
    octets += piece.size();
    require(message_.substr(body_offset_).starts_with(piece));
    body_offset_ += piece.size();
    add('b', piece);
  }
  void between(std::string_view piece, bool after_parts) override {
    require(!leaf_ && open_ > 0 && !piece.empty());
    octets += piece.size();
    add(after_parts ? 'e' : 'p', piece);
  }
  void end_entity(bool closed) override {
    require(leaf_ || open_ > 0);
    if (!leaf_) --open_;
    leaf_ = false;
    ++ended;
    add(')', closed ? "1" : "0");
  }
  bool wants_raw(unsigned child_index) override {
    raw_.clear();
    raw_is_asked_ = child_index % 2 == 0;
    return raw_is_asked_;
  }
  void raw(std::string_view piece) override {
    raw_log += piece;
    raw_ += piece;
    require(raw_is_asked_ || message_.substr(raw_offset_).starts_with(raw_));
  }

  std::string log;
  std::string raw_log;
  std::size_t octets = 0;
  unsigned ended = 0;

 private:
  void add(char kind, std::string_view text) {
    if (kind != last_ || kind == '(' || kind == ')') log += kind;
    last_ = kind;
    log += text;
  }
  std::string_view message_;
  std::uint64_t body_offset_ = 0;
  std::uint64_t raw_offset_ = 0;
  bool raw_is_asked_ = false;  ///< and its entity has not begun
  std::string raw_;            ///< of one entity
  char last_ = 0;
  unsigned open_ = 0;
  bool leaf_ = false;
};

LimitBroken parse(std::string_view message, std::size_t piece, Recorder& recorder) {
  const ParserLimits limits{.depth = 8, .parts = 50, .header_octets = 2000, .header_fields = 40};
  MimeParser parser(recorder, limits);
  while (!message.empty()) {
    const std::string copy(message.substr(0, piece));
    parser.feed(copy);
    message.remove_prefix(copy.size());
  }
  parser.finish();
  return parser.limit_broken();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  Recorder whole(message);
  Recorder cut(message);
  const LimitBroken broken = parse(message, std::string_view::npos, whole);
  require(parse(message, std::size_t{data[0]} % 64 + 1, cut) == broken);
  require(whole.octets <= message.size());
  if (broken != LimitBroken::none) return 0;
  require(whole.ended > 0 && whole.log == cut.log && whole.raw_log == cut.raw_log);
  return 0;
}
