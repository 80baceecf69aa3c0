// TnefMessageReader: the message's own attributes and properties. Those of attachments:
// tnef_attachment.cpp.
#include "converter/tnef_message_reader.h"

#include <algorithm>
#include <utility>

#include "converter/code_page.h"
#include "converter/octet_order.h"
#include "converter/tnef_format.h"

namespace smtpgate::converter {

namespace {

namespace attribute = tnef::attribute;
namespace property = tnef::property;
namespace type = tnef::type;

// Which of several bodies is best.
constexpr int rank_of_attribute_body = 1;
constexpr int rank_of_string8_body = 2;
constexpr int rank_of_unicode_body = 3;

bool is_string(const MapiProperty& value) {
  return value.type == type::string8 || value.type == type::unicode;
}

}  // namespace

TnefMessageReader::TnefMessageReader(TnefReading& reading, TnefMessage& message)
    : reading_(reading), message_(message), attributes_(*this), attachment_(reading.place) {}

std::string TnefMessageReader::charset() const {
  return charset_of_code_page(oem_code_page_ != 0 ? oem_code_page_ : message_code_page_);
}

void TnefMessageReader::begin_attribute(const TnefAttribute& attribute) {
  attribute_ = attribute;
  attribute_size_ = 0;
  stream_ = Stream::none;
  small_.clear();
  if (!reading_.error) choose_attribute_stream();
}

void TnefMessageReader::choose_attribute_stream() {
  if (attribute_.level == tnef::level::attachment) begin_attachment();
  switch (attribute_.id) {
    case attribute::body:
      if (begin_text(rank_of_attribute_body, attribute_.size, 1, false)) stream_ = Stream::text;
      break;
    case attribute::attach_data:
      attachment_.has_data_attribute = true;
      if (attachment_.data.size() == 0 && !attachment_.embedded) stream_ = Stream::data;
      break;
    case attribute::message_properties:
    case attribute::attachment_properties:
      properties_.emplace(static_cast<MapiPropertyHandler&>(*this), false,
                          reading_.properties_left);
      break;
    case attribute::recipient_table:
      properties_.emplace(static_cast<MapiPropertyHandler&>(*this), true, reading_.properties_left);
      break;
    default:
      stream_ = Stream::small;
  }
}

void TnefMessageReader::attribute_octets(std::string_view octets) {
  attribute_size_ += octets.size();
  if (reading_.error) return;
  if (properties_) {
    properties_->feed(octets);
  } else {
    to_stream(octets);
  }
}

void TnefMessageReader::end_attribute(bool is_whole, bool checksum_is_right) {
  if (message_.depth == 0) reading_.files.add_input(attribute_size_);
  if (!checksum_is_right) {
    reading_.is_checksum_wrong = true;
    if (attribute_.level == tnef::level::attachment) attachment_.is_checksum_wrong = true;
  }
  if (properties_) {
    properties_->finish();
    if (properties_->is_damaged()) reading_.is_damaged = true;
    if (properties_->is_limit_broken()) reading_.is_limit_broken = true;
    properties_.reset();
    return;
  }
  if (stream_ == Stream::small) {
    take_small_attribute();
  } else {
    end_stream(is_whole);
  }
  stream_ = Stream::none;
}

void TnefMessageReader::take_small_attribute() {
  const auto text = [&] { return tnef_string(small_, type::string8, charset()); };
  switch (attribute_.id) {
    case attribute::oem_code_page:
      oem_code_page_ =
          static_cast<unsigned long>(little_endian(std::string_view(small_).substr(0, 4)));
      break;
    case attribute::message_class:
      meeting_.set_message_class(text());
      break;
    case attribute::subject:
      if (message_.subject.empty()) message_.subject = text();
      break;
    case attribute::from:
      from_ = person_of_trp(small_, charset());
      break;
    case attribute::owner:
      meeting_.set_owner(person_of_owner(small_, charset()));
      break;
    case attribute::date_sent:
      if (!message_.sent) message_.sent = time_of_dtr(small_);
      break;
    case attribute::date_start:
      meeting_.set_start(time_of_dtr(small_));
      break;
    case attribute::date_end:
      meeting_.set_end(time_of_dtr(small_));
      break;
    case attribute::attach_title:
      attachment_.has_title = true;
      set_name(text(), 5);
      break;
    case attribute::attach_transport_filename:
      set_name(text(), 3);
      break;
    default:
      break;
  }
}

void TnefMessageReader::begin_value(const MapiProperty& value, std::uint32_t size) {
  property_ = value;
  small_.clear();
  if (reading_.error) {
    stream_ = Stream::none;
  } else if (attribute_.id == attribute::message_properties) {
    stream_ = stream_of_message_value(value, size);
  } else if (attribute_.id == attribute::attachment_properties) {
    stream_ = stream_of_attachment_value(value, size);
  } else {
    stream_ = Stream::small;
  }
}

TnefMessageReader::Stream TnefMessageReader::stream_of_message_value(const MapiProperty& value,
                                                                     std::uint32_t size) {
  if (value.is_named() || value.value_index > 0) return Stream::small;
  const bool is_unicode = value.type == type::unicode;
  const bool has_octets = is_string(value) || value.type == type::binary;
  if (value.id == property::body && is_string(value)) {
    const int rank = is_unicode ? rank_of_unicode_body : rank_of_string8_body;
    return begin_text(rank, size, is_unicode ? 2 : 1, is_unicode) ? Stream::text : Stream::none;
  }
  if (value.id == property::html && has_octets && message_.html.size() == 0) {
    is_html_unicode_ = is_unicode;
    if (is_unicode) unicode_ = postoffice::CharacterDecoder::open("UTF-16LE");
    return Stream::html;
  }
  if (value.id == property::rtf_compressed && has_octets && message_.rtf.size() == 0) {
    rtf_.emplace();
    return Stream::rtf;
  }
  return Stream::small;
}

/// True if the body that begins is the best so far.
bool TnefMessageReader::begin_text(int rank, std::uint32_t size, std::uint32_t terminator,
                                   bool is_unicode) {
  if (rank <= text_rank_ || size <= terminator) return false;
  text_rank_ = rank;
  message_.text.clear();
  message_.text_charset = is_unicode ? "utf-8" : charset();
  unicode_.reset();
  if (is_unicode) unicode_ = postoffice::CharacterDecoder::open("UTF-16LE");
  return true;
}

void TnefMessageReader::to_stream(std::string_view octets) {
  switch (stream_) {
    case Stream::none:
      break;
    case Stream::small:
      small_ += octets.substr(0, longest_tnef_value - std::min(longest_tnef_value, small_.size()));
      break;
    case Stream::text:
      to_text(message_.text, octets);
      break;
    case Stream::html:
      to_text(message_.html, octets);
      break;
    case Stream::rtf:
      scratch_.clear();
      rtf_->feed(octets, scratch_);
      write(message_.rtf, scratch_);
      break;
    case Stream::data:
      write(attachment_.data, octets);
      break;
    case Stream::object_head:
      take_object_head(octets);
      break;
    case Stream::embedded:
      write(*reading_.embedded, octets);
      attachment_.embedded->size += octets.size();
      break;
  }
}

/// Without NULs, which are the string's end or none of its characters.
void TnefMessageReader::to_text(Spool& spool, std::string_view octets) {
  scratch_.clear();
  if (unicode_) {
    unicode_->feed(octets, scratch_);
  } else {
    scratch_ = octets;
  }
  std::erase(scratch_, '\0');
  write(spool, scratch_);
}

void TnefMessageReader::end_stream(bool is_whole) {
  if ((stream_ == Stream::text || stream_ == Stream::html) && unicode_) {
    scratch_.clear();
    unicode_->finish(scratch_);
    unicode_.reset();
    std::erase(scratch_, '\0');
    write(stream_ == Stream::text ? message_.text : message_.html, scratch_);
  }
  if (stream_ == Stream::rtf) {
    rtf_->finish();
    if (rtf_->is_damaged()) reading_.is_damaged = true;
    if (rtf_->is_checksum_wrong()) reading_.is_checksum_wrong = true;
    rtf_.reset();
  }
  const bool is_file =
      stream_ == Stream::data || stream_ == Stream::object_head || stream_ == Stream::embedded;
  if (is_file && !is_whole) attachment_.is_damaged = true;
}

void TnefMessageReader::end_value(bool is_whole) {
  if (stream_ != Stream::small) {
    end_stream(is_whole);
    stream_ = Stream::none;
    return;
  }
  stream_ = Stream::none;
  const std::string text = is_string(property_) || property_.type == type::binary
                               ? tnef_string(small_, property_.type, charset())
                               : std::string();
  const TnefValue value{property_, small_, text,
                        little_endian(std::string_view(small_).substr(0, 8))};
  if (attribute_.id == attribute::message_properties) {
    take_message_value(value);
  } else if (attribute_.id == attribute::recipient_table) {
    take_recipient_value(value);
  } else {
    take_attachment_value(value);
  }
}

void TnefMessageReader::take_message_value(const TnefValue& value) {
  meeting_.set_property(value);
  if (property_.is_named() || property_.value_index > 0) return;
  switch (property_.id) {
    case property::message_class:
      meeting_.set_message_class(value.text);
      break;
    case property::subject:
      if (!value.text.empty()) message_.subject = value.text;
      break;
    case property::display_to:
      message_.to = value.text;
      break;
    case property::client_submit_time:
      if (auto time = time_of_filetime(value.number)) message_.sent = time;
      break;
    case property::internet_code_page:
      internet_code_page_ = static_cast<unsigned long>(value.number);
      break;
    case property::message_code_page:
      message_code_page_ = static_cast<unsigned long>(value.number);
      break;
    case property::sent_representing_name:
      represented_.name = value.text;
      break;
    case property::sent_representing_address:
      if (represented_.address.empty()) represented_.address = mail_address_of(value.text);
      break;
    case property::sent_representing_smtp_address:
      represented_.address = mail_address_of(value.text);
      break;
    case property::sender_name:
      sender_.name = value.text;
      break;
    case property::sender_address:
      if (sender_.address.empty()) sender_.address = mail_address_of(value.text);
      break;
    case property::sender_smtp_address:
      sender_.address = mail_address_of(value.text);
      break;
    default:
      break;
  }
}

void TnefMessageReader::take_recipient_value(const TnefValue& value) {
  switch (property_.id) {
    case property::display_name:
      recipient_.name = value.text;
      break;
    case property::address:
      if (recipient_.address.empty()) recipient_.address = mail_address_of(value.text);
      break;
    case property::smtp_address:
      if (auto address = mail_address_of(value.text); !address.empty()) {
        recipient_.address = std::move(address);
      }
      break;
    case property::recipient_type:
      recipient_type_ = value.number & 0xFU;  // flags stand above
      break;
    default:
      break;
  }
}

void TnefMessageReader::end_row() {
  meeting_.add_recipient(std::move(recipient_), recipient_type_);
  recipient_ = {};
  recipient_type_ = 1;
}

void TnefMessageReader::write(Spool& spool, std::string_view octets) {
  if (reading_.error || octets.empty()) return;
  if (auto written = spool.write(octets); !written) reading_.error = written.error();
}

void TnefMessageReader::finish() {
  attributes_.finish();
  if (attributes_.is_damaged()) {
    reading_.is_damaged = true;
    // The end may have been cut off in front of its octets.
    if (attachment_.data.size() == 0) attachment_.is_damaged = true;
  }
  end_attachment();
  const auto is_known = [](const MeetingPerson& person) {
    return !person.name.empty() || !person.address.empty();
  };
  message_.from = is_known(represented_) ? represented_ : is_known(sender_) ? sender_ : from_;
  // Without the one, the other says better than nothing what octets beyond ASCII are.
  message_.html_charset = is_html_unicode_           ? "utf-8"
                          : internet_code_page_ != 0 ? charset_of_code_page(internet_code_page_)
                                                     : charset();
  message_.meeting = meeting_.finish(message_.subject, message_.from, message_.sent);
}

}  // namespace smtpgate::converter
