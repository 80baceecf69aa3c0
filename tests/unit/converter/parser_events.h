// What the MIME parser says of a message, written down: for its tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "converter/mime_parser.h"
#include "unit/catch.h"

namespace smtpgate::test {

using converter::EntityHandler;
using converter::EntityStart;
using converter::HeaderField;
using converter::LimitBroken;
using converter::MimeParser;
using converter::ParserLimits;

/// Writes the events as one readable string; neighbouring pieces of a kind are joined. Notes
/// whether body and raw octets stand in the message where the entity's offsets say.
class Recorder : public EntityHandler {
 public:
  explicit Recorder(std::string_view message) : message_(message) {}

  void begin_entity(const EntityStart& entity) override {
    body_at_ = entity.body_offset;
    if (raw_at_ == unknown) {
      raw_at_ = entity.offset;
      expect_at(raw_at_, early_raw_);
    }
    end_run();
    log_ += "(" + entity.content_type.str();
    log_ += " " + std::to_string(entity.depth) + "." + std::to_string(entity.child_index);
    if (entity.is_multipart) log_ += " multipart";
    if (entity.header_cut) log_ += " cut";
    if (entity.header_mended) log_ += " mended";
    if (!entity.stray.empty()) log_ += " stray[" + std::string(entity.stray) + "]";
    if (entity.content_type.is_default) log_ += " default";
    for (const HeaderField& field : entity.header.all()) {
      if (show_fields) log_ += "{" + field.name + ":" + field.value + "}";
    }
    log_ += "\n";
  }
  void body(std::string_view piece) override {
    expect_at(body_at_, piece);
    add("body", piece);
  }
  void between(std::string_view piece, bool after_parts) override {
    add(after_parts ? "after" : "before", piece);
  }
  void end_entity(bool closed) override {
    end_run();
    log_ += closed ? ")\n" : ") open\n";
  }
  bool wants_raw(unsigned child_index) override {
    ++asked_for_raw;
    end_run();
    if (raw_.empty() == false) raw_ += "|";
    early_raw_.clear();
    raw_at_ = unknown;
    return child_index < raw_children;
  }
  void raw(std::string_view piece) override {
    if (raw_at_ == unknown) {
      early_raw_ += piece;
    } else {
      expect_at(raw_at_, piece);
    }
    raw_ += piece;
  }

  std::string log() {
    end_run();
    return log_;
  }
  const std::string& raw_octets() const { return raw_; }

  bool show_fields = false;
  unsigned raw_children = 0;
  unsigned asked_for_raw = 0;
  bool is_in_place = true;

 private:
  static constexpr std::uint64_t unknown = ~std::uint64_t{0};

  void expect_at(std::uint64_t& offset, std::string_view octets) {
    is_in_place =
        is_in_place && offset <= message_.size() && message_.substr(offset).starts_with(octets);
    offset += octets.size();
  }
  void add(const char* kind, std::string_view piece) {
    if (run_kind_ != kind) end_run();
    run_kind_ = kind;
    run_ += piece;
  }
  void end_run() {
    if (!run_kind_.empty()) log_ += run_kind_ + "[" + run_ + "]\n";
    run_kind_.clear();
    run_.clear();
  }
  std::string_view message_;
  std::uint64_t body_at_ = 0;
  std::uint64_t raw_at_ = 0;  ///< unknown: the entity to repeat has not begun
  std::string early_raw_;     ///< its octets until then
  std::string log_;
  std::string run_kind_;
  std::string run_;
  std::string raw_;
};

struct Events {
  std::string log;
  std::string raw;
  LimitBroken broken;

  bool operator==(const Events&) const = default;
};

inline Events parse(std::string_view message, std::size_t piece = std::string_view::npos,
                    unsigned raw_children = 0, bool show_fields = false,
                    const ParserLimits& limits = {}) {
  Recorder recorder(message);
  recorder.raw_children = raw_children;
  recorder.show_fields = show_fields;
  MimeParser parser(recorder, limits);
  for (std::size_t at = 0; at < message.size();) {
    const std::string_view next = message.substr(at, piece);
    // A copy of exact size, so that the address sanitizer sees any look beyond the piece.
    const std::vector<char> copy(next.begin(), next.end());
    parser.feed(std::string_view(copy.data(), copy.size()));
    at += next.size();
  }
  parser.finish();
  if (!recorder.is_in_place) FAIL("offsets are wrong in: " << message);
  return {recorder.log(), recorder.raw_octets(), parser.limit_broken()};
}

inline std::string log_of(std::string_view message) {
  return parse(message).log;
}
inline std::string fields_of(std::string_view message) {
  return parse(message, std::string_view::npos, 0, true).log;
}

inline std::string multipart(std::string_view body, std::string_view subtype = "mixed") {
  return "Content-Type: multipart/" + std::string(subtype) + "; boundary=b\r\n\r\n" +
         std::string(body);
}

}  // namespace smtpgate::test
