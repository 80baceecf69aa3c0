// SunMessage: see the header.
#include "converter/sun_message.h"

#include <utility>

#include "converter/mail_text_decoder.h"
#include "converter/text_block.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::string_view separator = "----------";
constexpr std::string_view field_start = "X-Sun-";
constexpr unsigned most_fields = 100;  // of a part; lines beyond are content

bool is_separator(std::string_view line) {
  return without_trailing_blanks(line) == separator;
}

}  // namespace

void SunMessage::feed(std::string_view octets) {
  lines_.feed(octets, [this](const CutLine& line) { take(line); });
}

void SunMessage::finish() {
  lines_.finish([this](const CutLine& line) { take(line); });
  if (state_ == State::separator) put_separator();
  if (state_ == State::header) begin_content();
  end_file();
}

void SunMessage::take(const CutLine& line) {
  if (state_ == State::separator) {
    if (line.is_start && starts_with_ignoring_case(line.octets, field_start)) {
      end_file();
      state_ = State::header;
      fields_ = 0;
      type_.clear();
      name_.clear();
      encoding_.clear();
    } else {
      put_separator();
    }
  }
  if (state_ == State::header) {
    if (line.is_whole() && !line.octets.empty() && ++fields_ <= most_fields) {
      field(line.octets);
      return;
    }
    begin_content();
    if (line.octets.empty()) return;
  }
  if (line.is_whole() && is_separator(line.octets)) {
    separator_ = line.octets;
    separator_end_ = line.end;
    state_ = State::separator;
    return;
  }
  put(line.octets, line.end);
}

void SunMessage::field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (equals_ignoring_case(name, "X-Sun-Data-Type")) type_ = ascii_lower(value);
  if (equals_ignoring_case(name, "X-Sun-Data-Name")) name_ = decode_labelled(value, charset_);
  if (equals_ignoring_case(name, "X-Sun-Encoding-Info")) encoding_ = ascii_lower(value);
}

void SunMessage::begin_content() {
  state_ = State::content;
  sink_.end_part();
  const bool is_uuencoded = encoding_.find("uuencode") != std::string::npos;
  is_file_ = !is_uuencoded && !(type_ == "text" && encoding_.empty() && !has_text_);
  if (is_uuencoded) {
    const bool is_compressed = encoding_.find("compress") != std::string::npos;
    const bool needs_suffix = is_compressed && !name_.empty() && !name_.ends_with(".Z");
    sink_.name_next_file(needs_suffix ? name_ + ".Z" : name_);
  } else if (is_file_) {
    EmbeddedFile file;
    file.name = name_;
    if (type_ == "text") file.content_type = "text/plain";
    sink_.files().begin_file(file);
  } else {
    has_text_ = true;
  }
}

void SunMessage::put(std::string_view octets, std::string_view end) {
  if (!is_file_) {
    sink_.text(octets);
    sink_.text(end);
    return;
  }
  sink_.files().file_octets(octets);
  if (!end.empty()) sink_.files().file_octets(line_end_);
}

void SunMessage::put_separator() {
  state_ = State::content;
  put(std::exchange(separator_, {}), separator_end_);
}

void SunMessage::end_file() {
  if (is_file_) sink_.files().end_file({});
  is_file_ = false;
}

}  // namespace smtpgate::converter
