// One message in TNEF, attribute by attribute: its files to a handler, its body and fields into a
// TnefMessage, messages embedded in it to a spool, to be read when this one is through. Octets in,
// in pieces of any size. An attachment's octets wait in a spool, because its name may come last.
// Not for what is embedded (tnef_reader.h) or what becomes of the message (tnef_expansion.h).
//
// Sources: MS-OXTNEF 2.1.3, MS-OXCMSG 2.2.2, MS-OXPROPS.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/compressed_rtf.h"
#include "converter/container_limits.h"
#include "converter/mapi_properties.h"
#include "converter/tnef_attributes.h"
#include "converter/tnef_meeting.h"
#include "converter/tnef_message.h"
#include "converter/tnef_values.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

/// A message embedded in another: a range of a spool.
struct EmbeddedTnef {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  unsigned depth = 1;
  std::string name;
};

/// What a container's messages share.
struct TnefReading {
  const SpoolPlace& place;
  const ContainerLimits& limits;
  LimitedFiles& files;
  std::uint32_t properties_left;
  Spool* embedded;  ///< receives the octets of embedded messages
  std::vector<EmbeddedTnef>* queue;
  bool is_damaged = false;
  bool is_checksum_wrong = false;
  bool is_limit_broken = false;
  std::optional<postoffice::FileError> error;  ///< of the disk: all work stops
};

class TnefMessageReader : TnefAttributeHandler, MapiPropertyHandler {
 public:
  /// Both outlive the reader.
  TnefMessageReader(TnefReading& reading, TnefMessage& message);

  void feed(std::string_view piece) { attributes_.feed(piece); }
  /// The last attachment is told, and the message is complete.
  void finish();
  bool is_tnef() const { return attributes_.is_tnef(); }

 private:
  /// Where octets of the current attribute or value go.
  enum class Stream { none, small, text, html, rtf, data, object_head, embedded };

  struct Attachment {
    explicit Attachment(const SpoolPlace& place) : data(place) {}
    Spool data;
    bool is_open = false;
    bool has_data_attribute = false;
    bool has_title = false;
    std::string name;
    int name_rank = 0;
    std::string extension;
    std::string content_type;
    std::string content_id;
    std::optional<EmbeddedTnef> embedded;
    bool is_too_deep = false;  ///< `data` is a message that is not taken apart
    bool is_damaged = false;
    bool is_checksum_wrong = false;
  };

  void begin_attribute(const TnefAttribute& attribute) override;
  void attribute_octets(std::string_view octets) override;
  void end_attribute(bool is_whole, bool checksum_is_right) override;
  void begin_value(const MapiProperty& property, std::uint32_t size) override;
  void value_octets(std::string_view octets) override { to_stream(octets); }
  void end_value(bool is_whole) override;
  void end_row() override;

  void choose_attribute_stream();
  void take_small_attribute();
  Stream stream_of_message_value(const MapiProperty& property, std::uint32_t size);
  Stream stream_of_attachment_value(const MapiProperty& property, std::uint32_t size);
  void take_message_value(const TnefValue& value);
  void take_recipient_value(const TnefValue& value);
  void take_attachment_value(const TnefValue& value);
  bool begin_text(int rank, std::uint32_t size, std::uint32_t terminator, bool is_unicode);
  void begin_rtf();
  void begin_attachment();
  void end_attachment();
  void tell_file();
  void set_name(std::string name, int rank);
  void to_stream(std::string_view octets);
  void to_text(Spool& spool, std::string_view octets);
  void take_object_head(std::string_view octets);
  void end_stream(bool is_whole);
  void write(Spool& spool, std::string_view octets);
  std::string charset() const;

  TnefReading& reading_;
  TnefMessage& message_;
  TnefAttributeReader attributes_;
  TnefAttribute attribute_;
  std::optional<MapiPropertyReader> properties_;
  MapiProperty property_;
  Stream stream_ = Stream::none;
  std::string small_;
  std::string head_;  ///< of an object: its interface
  std::string scratch_;
  std::uint64_t attribute_size_ = 0;
  int text_rank_ = 0;
  std::optional<postoffice::CharacterDecoder> unicode_;  ///< for a text in UTF-16
  std::optional<CompressedRtfDecoder> rtf_;
  unsigned long oem_code_page_ = 0;
  unsigned long message_code_page_ = 0;
  unsigned long internet_code_page_ = 0;
  bool is_html_unicode_ = false;
  MeetingPerson represented_;  ///< for whom it was sent
  MeetingPerson sender_;
  MeetingPerson from_;  ///< attFrom
  MeetingPerson recipient_;
  std::uint64_t recipient_type_ = 1;
  TnefMeeting meeting_;
  Attachment attachment_;
};

}  // namespace smtpgate::converter
